//! One repeat of one cell: lanes, pace, slots, attempts, records. Never looks into a body and knows no JSON.
