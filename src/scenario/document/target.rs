//! A target, as written: what every protocol has, composed with what one protocol owns.

use std::path::PathBuf;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::slo::Slo;
use crate::foundation::secret::SecretRef;
use crate::foundation::units::HumanDuration;
use crate::instruments::simulator::Model;
use crate::kinds::dataset::Params;
use crate::kinds::protocol::{Kind, comfyui, http, model_load, triton};
use crate::scenario::domain::{HttpClient, HttpVersion};

/// What is loaded: its address, its protocol, and how to speak to it.
#[derive(Debug, Clone)]
pub struct Target {
    /// What every protocol has.
    pub common: Common,
    /// What its protocol owns.
    pub options: Options,
}

/// Composes the protocols that own options into the language, a line each: the enum of their options, how these are read,
/// and the form of a target in the schema.
macro_rules! owned_options {
    ($( $(#[$attribute:meta])* $Variant:ident => $Options:ty ),+ $(,)?) => {
        /// Options that one protocol owns.
        #[derive(Debug, Clone)]
        pub enum Options {
            /// The protocol has none.
            None,
            $( $(#[$attribute])* $Variant(Box<$Options>) ),+
        }

        impl Options {
            /// Options of that protocol.
            fn read(protocol: Kind, value: Value) -> Result<Self, serde_json::Error> {
                Ok(match protocol {
                    $( Kind::$Variant => Self::$Variant(serde_json::from_value(value)?), )+
                    _ => Self::None,
                })
            }

            /// The protocols that own options, each with the form of its targets.
            fn schemas(generator: &mut SchemaGenerator) -> Vec<(Kind, Schema)> {
                vec![$( (Kind::$Variant, With::<$Options>::json_schema(generator)) ),+]
            }
        }
    };
}

owned_options! {
    /// Of `http`.
    Http => http::Options,
    /// Of `comfyui`.
    #[expect(dead_code, reason = "its execution comes later; its form is checked and published now")]
    Comfyui => comfyui::Options,
    /// Of `triton`.
    #[expect(dead_code, reason = "its execution comes later; its form is checked and published now")]
    Triton => triton::Options,
    /// Of `model-load`.
    #[expect(dead_code, reason = "its execution comes later; its form is checked and published now")]
    ModelLoad => model_load::Options,
}

/// What every target has, whatever its protocol.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Common {
    /// The wire format: what is sent, and what counts as an answer.
    #[schemars(example = &"openai-chat")]
    pub protocol: Kind,
    /// Where it is.
    #[serde(flatten)]
    pub address: Address,
    /// What its requests carry.
    #[serde(flatten)]
    pub requests: Requests,
    /// What happens around its cells.
    #[serde(flatten)]
    pub around: Around,
    /// How HTTP is spoken.
    pub http: Option<Http>,
    /// What running it costs; gives `cost_per_1k_requests` and `cost_per_1m_output_tokens`.
    pub prices: Option<Prices>,
    /// Limits and objectives of this target, merged deeply over the file's; its `objectives` replace.
    #[expect(
        dead_code,
        reason = "read from its JSON, which is merged over the file's"
    )]
    pub slo: Option<Slo>,
}

/// Where a target is: exactly one of the three.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Address {
    /// The address that the protocol's path is appended to. It may end in a slash or in `/v1`, which is not doubled.
    #[schemars(example = &"http://127.0.0.1:8000")]
    pub base_url: Option<String>,
    /// Several addresses, used round robin, in place of `base_url`.
    #[schemars(length(min = 1), example = &["http://10.0.0.1:8000", "http://10.0.0.2:8000"])]
    pub base_urls: Option<Vec<String>>,
    /// The simulator, started on a loopback port for this target, in place of `base_url`.
    #[schemars(example = &serde_json::json!({ "servers": 4, "ttft": "20ms", "itl": "5ms" }))]
    pub embedded: Option<Model>,
    /// Other hosts that an answer may send us to: names, globs, or networks.
    #[serde(default)]
    #[schemars(example = &["*.blob.example.com", "10.0.0.0/8"])]
    pub allow_hosts: Vec<String>,
}

/// What a target's requests carry.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Requests {
    /// The model that requests name.
    #[schemars(example = &"Qwen/Qwen3-32B")]
    pub model: Option<String>,
    /// Replaces the protocol's own path.
    #[schemars(example = &"/custom/v1/chat/completions")]
    pub path: Option<String>,
    /// Credentials, by reference; sent to the target's own origin only.
    pub auth: Option<Auth>,
    /// Headers of every request; sent to the target's own origin only.
    #[serde(default)]
    #[schemars(example = &serde_json::json!({ "x-tenant": "bench" }))]
    pub headers: IndexMap<String, String>,
    /// Request parameters for this target; all other layers win over them. A value may be a range, `{min, max}`.
    #[serde(default)]
    #[schemars(example = &serde_json::json!({ "max_tokens": 128, "temperature": 0 }))]
    pub params: Params,
    /// A `tokenizer.json`, relative to the scenario, that counts tokens where the server tells none.
    #[schemars(example = &"tokenizer.json")]
    pub tokenizer: Option<PathBuf>,
}

/// What happens around a target's cells.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Around {
    /// How to know that it is ready, before its first cell.
    pub ready: Option<Ready>,
    /// A path or a URL whose JSON is recorded in the results.
    #[schemars(example = &"/version")]
    pub metadata: Option<String>,
    /// Requests sent once before the target's cells; what they `extract`, later requests see under their name.
    #[serde(default)]
    #[schemars(example = &serde_json::json!([{ "name": "load", "path": "/load_model" }]))]
    pub setup: Vec<http::Step>,
    /// Requests sent once after the target's cells, always.
    #[serde(default)]
    #[schemars(example = &serde_json::json!([{ "name": "unload", "path": "/unload_model" }]))]
    pub teardown: Vec<http::Step>,
}

/// Credentials by reference: one of the three forms.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// `Authorization: Bearer …`, its token by reference: `{ env: NAME }` or `{ file: PATH }`.
    Bearer(#[schemars(example = &serde_json::json!({ "env": "API_TOKEN" }))] SecretRef),
    /// `Authorization: Basic …`
    Basic(Basic),
    /// A header that carries a credential.
    Header(Header),
}

/// A user's name and password.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Basic {
    /// The user's name.
    #[schemars(example = &"bench")]
    pub user: String,
    /// The password, by reference.
    #[schemars(example = &serde_json::json!({ "env": "API_PASSWORD" }))]
    pub password: SecretRef,
}

/// A header that carries a credential.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Header {
    /// The header's name.
    #[schemars(example = &"x-api-key")]
    pub name: String,
    /// Its value, by reference.
    #[schemars(example = &serde_json::json!({ "env": "API_KEY" }))]
    pub value: SecretRef,
}

/// How to know that a target is ready: a GET of `path` answers 2xx.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Ready {
    /// What is asked for; `/health` unless given.
    #[schemars(example = &"/health")]
    pub path: Option<String>,
    /// The budget; beyond it the run ends with exit code 5. 60s unless given.
    #[schemars(example = &"20m")]
    pub within: Option<HumanDuration>,
    /// Time between two tries; 1s unless given.
    #[schemars(example = &"5s")]
    pub every: Option<HumanDuration>,
}

/// How HTTP is spoken with a target.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Http {
    /// The version; `auto` is 1.1, or over TLS what the server chooses of 2 and 1.1.
    #[serde(default)]
    #[schemars(example = &"1.1")]
    pub version: HttpVersion,
    /// Whether connections are kept alive.
    #[serde(default)]
    #[schemars(example = &"reuse")]
    pub connections: Connections,
    /// Whether the environment's proxies are used.
    #[serde(default)]
    #[schemars(example = &"none")]
    pub proxy: Proxy,
    /// The client that sends the load.
    #[serde(default)]
    #[schemars(example = &"hyper")]
    pub client: HttpClient,
    /// TLS, beside the system's roots.
    pub tls: Option<Tls>,
}

/// Whether connections are kept alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Connections {
    /// Kept alive and used again.
    #[default]
    Reuse,
    /// A new one for every request.
    PerRequest,
}

/// Whether the environment's proxies are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Proxy {
    /// Never.
    #[default]
    None,
    /// `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` are followed.
    Env,
}

/// TLS of a target.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(rename = "TargetTls")]
pub struct Tls {
    /// Certificates to trust beside the system's.
    /// A PEM file, relative to the scenario.
    #[schemars(example = &"ca.pem")]
    pub ca: PathBuf,
}

/// What running a target costs.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Prices {
    /// The price of an hour.
    #[schemars(range(min = 0), example = 2.49)]
    pub per_hour: f64,
    /// Its currency; USD unless given.
    #[schemars(example = &"USD")]
    pub currency: Option<String>,
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let common = Common::deserialize(&value).map_err(serde::de::Error::custom)?;
        let options = Options::read(common.protocol, value).map_err(serde::de::Error::custom)?;
        Ok(Self { common, options })
    }
}

/// A target's form where its protocol owns options.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct With<T> {
    #[serde(flatten)]
    common: Common,
    #[serde(flatten)]
    options: T,
}

impl JsonSchema for Target {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Target".into()
    }

    /// One branch for the protocols without options of their own, and one for each of the others; `protocol` tells.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let branch = |mut schema: Schema, kinds: &[Kind]| {
            let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
            if let Some(Value::Object(protocol)) = schema.pointer_mut("/properties/protocol") {
                protocol.remove("allOf");
                protocol.remove("$ref");
                protocol.insert("enum".to_owned(), serde_json::json!(names));
                protocol.insert("examples".to_owned(), serde_json::json!([names[0]]));
            }
            schema.remove("description");
            schema
        };
        let owned = Options::schemas(generator);
        let plain: Vec<Kind> = Kind::ALL
            .into_iter()
            .filter(|kind| owned.iter().all(|(owner, _)| owner != kind))
            .collect();
        let mut branches = vec![branch(Common::json_schema(generator), &plain)];
        branches.extend(
            owned
                .into_iter()
                .map(|(kind, schema)| branch(schema, &[kind])),
        );
        schemars::json_schema!({
            "description": "What is loaded: its address, its protocol, and how to speak to it.",
            "oneOf": branches,
        })
    }
}
