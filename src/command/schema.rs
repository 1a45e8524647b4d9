//! `schema`: prints the JSON Schemas.

use super::arguments::{SchemaArguments, SchemaOf};
use super::output;
use crate::results::Ending;

/// Prints a schema.
pub fn run(arguments: &SchemaArguments) -> Ending {
    let schema = match arguments.what {
        SchemaOf::Scenario => crate::scenario::schema(),
        SchemaOf::Results => crate::results::schema(),
        SchemaOf::Diff => crate::compare::schema(),
        SchemaOf::Calibration => crate::instruments::telemetry::calibration::schema(),
    };
    output::data(&format!("{schema:#}\n"));
    Ending::Well
}
