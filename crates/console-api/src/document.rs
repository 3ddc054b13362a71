//! The OpenAPI document, made from the endpoints.

use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::Type;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, HttpMethod, InfoBuilder, ObjectBuilder, OpenApi,
    OpenApiBuilder, Paths, Ref, RefOr, Required, ResponseBuilder, Schema,
};
use utoipa::{PartialSchema, ToSchema};

use crate::endpoint::{Described, Form, Method, Seen, all};
use crate::{Access, Problem};

/// The OpenAPI document of the console.
pub fn openapi() -> OpenApi {
    let mut schemas = vec![(Problem::name().into_owned(), Problem::schema())];
    Problem::schemas(&mut schemas);
    let mut paths = Paths::new();
    for endpoint in all() {
        let method = match endpoint.method {
            Method::Get => HttpMethod::Get,
            Method::Post => HttpMethod::Post,
        };
        let operation = operation(&endpoint, &mut schemas);
        paths.add_path_operation(endpoint.path, vec![method], operation);
    }
    let session = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("hudun_session")));
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Hudun console")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(
                    "Requests that change something carry the header `X-Hudun-Request: 1`. Every answer from 400 to 599 \
                     is a Problem.",
                )),
        )
        .paths(paths)
        .components(Some(
            ComponentsBuilder::new().schemas_from_iter(schemas).security_scheme("session", session).build(),
        ))
        .build()
}

fn operation(
    endpoint: &Seen,
    schemas: &mut Vec<(String, RefOr<Schema>)>,
) -> utoipa::openapi::path::Operation {
    let mut operation = OperationBuilder::new()
        .operation_id(Some(endpoint.id))
        .tag(endpoint.tag)
        .summary(Some(endpoint.summary))
        .extensions(Some(
            ExtensionsBuilder::new()
                .add("x-hudun-access", access(endpoint.access))
                .build(),
        ));
    for name in endpoint.path_params() {
        operation = operation.parameter(
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .schema(Some(ObjectBuilder::new().schema_type(Type::String))),
        );
    }
    match endpoint.takes {
        Some(takes) if endpoint.method == Method::Get => {
            for parameter in query_parameters(takes) {
                operation = operation.parameter(parameter);
            }
        }
        Some(takes) => {
            let content = ContentBuilder::new()
                .schema(Some(reference(takes, schemas)))
                .build();
            let body = RequestBodyBuilder::new()
                .content("application/json", content)
                .required(Some(Required::True))
                .build();
            operation = operation.request_body(Some(body));
        }
        None => {}
    }
    let media = match endpoint.form {
        Form::Json => "application/json",
        Form::Stream => "text/event-stream",
        Form::File => "application/octet-stream",
    };
    let content = ContentBuilder::new()
        .schema(Some(reference(endpoint.gives, schemas)))
        .build();
    operation = operation
        .response(
            "200",
            ResponseBuilder::new()
                .description("Done")
                .content(media, content)
                .build(),
        )
        .response("default", problem());
    if endpoint.access != Access::Public {
        operation = operation.security(SecurityRequirement::new("session", Vec::<String>::new()));
    }
    operation.build()
}

fn problem() -> utoipa::openapi::Response {
    let schema = RefOr::<Schema>::Ref(Ref::from_schema_name(Problem::name()));
    ResponseBuilder::new()
        .description("Why not")
        .content(
            "application/json",
            ContentBuilder::new().schema(Some(schema)).build(),
        )
        .build()
}

fn reference(described: Described, schemas: &mut Vec<(String, RefOr<Schema>)>) -> RefOr<Schema> {
    let name = (described.name)();
    let schema = (described.schema)();
    let inline =
        matches!(&schema, RefOr::T(Schema::Object(object)) if object.properties.is_empty());
    if inline {
        return schema;
    }
    if !schemas.iter().any(|(known, _)| *known == name) {
        schemas.push((name.clone().into_owned(), schema));
        (described.nested)(schemas);
    }
    RefOr::Ref(Ref::from_schema_name(name))
}

fn query_parameters(described: Described) -> Vec<utoipa::openapi::path::Parameter> {
    let RefOr::T(Schema::Object(object)) = (described.schema)() else {
        return Vec::new();
    };
    object
        .properties
        .iter()
        .map(|(name, schema)| {
            let required = if object.required.contains(name) {
                Required::True
            } else {
                Required::False
            };
            ParameterBuilder::new()
                .name(name.as_str())
                .parameter_in(ParameterIn::Query)
                .required(required)
                .schema(Some(schema.clone()))
                .build()
        })
        .collect()
}

fn access(access: Access) -> serde_json::Value {
    match access {
        Access::Public => "public".into(),
        Access::Signing => "signing".into(),
        Access::SignedIn => "signed-in".into(),
        Access::Roles(roles) => roles
            .iter()
            .map(|role| role.name())
            .collect::<Vec<_>>()
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_reference_resolves_and_no_operation_is_named_twice() {
        let text = openapi().to_json().unwrap();
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for part in text.split("\"#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(
                schemas.contains_key(name),
                "{name} is referred to and not there"
            );
        }
        let mut ids = HashSet::new();
        let mut places = HashSet::new();
        for endpoint in all() {
            assert!(ids.insert(endpoint.id), "{} twice", endpoint.id);
            assert!(
                places.insert((endpoint.method as u8, endpoint.path)),
                "{} twice",
                endpoint.path
            );
            assert!(endpoint.path.starts_with("/api/"), "{}", endpoint.path);
            assert!(
                !endpoint.summary.is_empty() && !endpoint.tag.is_empty(),
                "{}",
                endpoint.id
            );
        }
    }

    #[test]
    fn whatever_changes_a_case_needs_a_role() {
        for endpoint in all() {
            if endpoint.method == Method::Post && endpoint.tag != "auth" {
                assert!(
                    matches!(endpoint.access, Access::Roles(_)),
                    "{}",
                    endpoint.id
                );
            }
        }
    }

    #[test]
    fn queries_become_parameters() {
        let document: serde_json::Value =
            serde_json::from_str(&openapi().to_json().unwrap()).unwrap();
        let names: Vec<_> = document["paths"]["/api/policy/diff"]["get"]["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|parameter| {
                (
                    parameter["name"].as_str().unwrap(),
                    parameter["required"].as_bool().unwrap(),
                )
            })
            .collect();
        assert_eq!(names, [("from", true), ("to", true)]);
    }
}
