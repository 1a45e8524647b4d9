//! Results rendered: a pure function of the results and a template.
