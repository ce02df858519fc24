//! The OpenAPI document.

use std::collections::BTreeSet;

use tidings::api::{ROUTES, document};

#[test]
fn every_route_is_in_the_document_and_the_other_way_round() {
    let document = serde_json::to_value(document()).unwrap();
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().filter(|key| ["get", "post", "put", "delete", "patch"].contains(&key.as_str())) {
            documented.insert((method.clone(), path.clone()));
        }
    }
    let routes: BTreeSet<_> = ROUTES.iter().map(|(method, path)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(documented, routes);
    assert_eq!(routes.len(), ROUTES.len(), "a route is listed twice");
}

#[test]
fn every_schema_that_is_named_is_there_and_every_operation_says_what_it_does() {
    let document = serde_json::to_value(document()).unwrap();
    let schemas: BTreeSet<&str> = document["components"]["schemas"].as_object().unwrap().keys().map(String::as_str).collect();
    let text = document.to_string();
    for named in text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(schemas.contains(named), "{named} is named and not there");
    }
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            let says = operation["summary"].as_str().or(operation["description"].as_str()).unwrap_or_default();
            assert!(!says.is_empty(), "{path} does not say what it does");
        }
    }
}
