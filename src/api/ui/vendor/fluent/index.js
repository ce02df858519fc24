// Fluent 0.19.1 by Mozilla, Apache-2.0; changed: comments and indentation are taken out.
export { FluentBundle } from "./bundle.js";
export { FluentResource } from "./resource.js";
export { FluentType, FluentNone, FluentNumber, FluentDateTime, } from "./types.js";
