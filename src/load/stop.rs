//! How a repeat is told to end early.

use std::sync::Arc;

use tokio::sync::watch;

/// Tells a repeat to stop sending; what is in flight has five seconds then. Cheap to clone, good for a whole run.
#[derive(Debug, Clone)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Stop {
    /// Stops; there is no way back.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    /// Whether it was told to.
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow()
    }

    /// Ready once it was told to.
    pub async fn stopped(&self) {
        let mut receiver = self.0.subscribe();
        // The sender lives as long as `self`: this ends only with a stop.
        let _ = receiver.wait_for(|stopped| *stopped).await;
    }
}
