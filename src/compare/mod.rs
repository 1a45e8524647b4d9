//! Two measurements side by side. The unit of statistics is the repeat, never the request.
