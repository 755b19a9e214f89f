//! Services under way, started and stopped in the order in which data flows.

use std::future::Future;

use anyhow::Context as _;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::info;

/// Services under way. Each is stopped only after the one before it has ended, so that it gets all that one hands on.
#[derive(Debug, Default)]
pub struct Services(Vec<Service>);

#[derive(Debug)]
struct Service {
    name: &'static str,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Services {
    /// Starts a service; it ends soon after its token is cancelled.
    pub fn start<F>(&mut self, name: &'static str, service: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let task = tokio::spawn(service(stop.clone()));
        self.0.push(Service { name, stop, task });
    }

    /// Runs until `stop` is done or a service ends by itself, then stops them one after the other. The first error is returned.
    pub async fn run(mut self, stop: impl Future<Output = ()>, stopping: impl FnOnce()) -> anyhow::Result<()> {
        let mut ended = None;
        tokio::select! {
            () = stop => {}
            early = self.first_to_end() => ended = Some(early),
        }
        stopping();
        let mut result = Ok(());
        for (index, service) in self.0.into_iter().enumerate() {
            let outcome = match ended.take_if(|(early, _)| *early == index) {
                Some((_, outcome)) => {
                    outcome.and_then(|()| Err(anyhow::anyhow!("ended without being told to")))
                }
                None => {
                    service.stop.cancel();
                    flatten(service.task.await)
                }
            };
            info!(service = service.name, "stopped");
            result = result.and(outcome.context(service.name));
        }
        result
    }

    /// The place of the service that ended first, and how it ended.
    async fn first_to_end(&mut self) -> (usize, anyhow::Result<()>) {
        let tasks = self.0.iter_mut().map(|service| &mut service.task);
        let (joined, index, _) = futures::future::select_all(tasks).await;
        (index, flatten(joined))
    }
}

fn flatten(joined: Result<anyhow::Result<()>, tokio::task::JoinError>) -> anyhow::Result<()> {
    joined.context("panicked")?
}
