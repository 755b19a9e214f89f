//! Services under way, started and stopped in the order in which data flows.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use anyhow::Context as _;
use futures::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::info;

/// Services under way. Each is stopped only after the one before it has ended, so that it gets all that one hands on.
#[derive(Debug, Default)]
pub struct Services(Vec<Service>);

struct Service {
    name: &'static str,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
    /// Whether nothing waits for the service any more.
    is_idle: Option<IsIdle>,
}

type IsIdle = Box<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>;

/// How long a service may go on, once the one before it has ended, with what that one handed on; the rest keeps until the next start.
const HAND_ON: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(20);

impl Services {
    /// Starts a service; it ends soon after its token is cancelled.
    pub fn start<F>(&mut self, name: &'static str, service: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let task = tokio::spawn(service(stop.clone()));
        self.0.push(Service { name, stop, task, is_idle: None });
    }

    /// Lets the service started last go on, when all are stopped, until nothing waits for it, for ten seconds at most.
    pub fn stop_when<F>(&mut self, is_idle: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = bool> + Send + 'static,
    {
        if let Some(service) = self.0.last_mut() {
            service.is_idle = Some(Box::new(move || Box::pin(is_idle())));
        }
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
                Some((_, outcome)) => outcome.and_then(|()| Err(anyhow::anyhow!("ended without being told to"))),
                None => {
                    service.finish_what_waits().await;
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

impl Service {
    async fn finish_what_waits(&self) {
        let Some(is_idle) = &self.is_idle else { return };
        let finish = async {
            while !self.task.is_finished() && !is_idle().await {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        if tokio::time::timeout(HAND_ON, finish).await.is_err() {
            info!(service = self.name, "stopping with work left for the next start");
        }
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("name", &self.name).field("task", &self.task).finish_non_exhaustive()
    }
}

fn flatten(joined: Result<anyhow::Result<()>, tokio::task::JoinError>) -> anyhow::Result<()> {
    joined.context("panicked")?
}
