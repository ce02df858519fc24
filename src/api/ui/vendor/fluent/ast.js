// Fluent 0.19.1 by Mozilla, Apache-2.0; changed: comments and indentation are taken out.
export {};
