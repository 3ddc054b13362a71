//! The bundled SCRM of the demo: started, stopped, and started again without its holes, on one listening socket.

use std::net::SocketAddr;
use std::path::PathBuf;

use hudun_scrm::seed::SeedPlan;
use hudun_scrm::{Config, Directory, Scrm};
use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinHandle;

/// The SCRM in this process.
pub struct ScrmHost {
    folder: PathBuf,
    plan: SeedPlan,
    /// Kept open over restarts, so that a connection that arrives in between waits instead of being refused.
    socket: std::net::TcpListener,
    running: Mutex<Option<Running>>,
}

struct Running {
    vulnerable: bool,
    directory: Directory,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), hudun_scrm::Error>>,
}

impl ScrmHost {
    /// Binds the address; nothing is served yet.
    ///
    /// # Errors
    /// When the port is in use.
    pub fn bind(address: SocketAddr, folder: PathBuf, plan: SeedPlan) -> std::io::Result<Self> {
        let socket = std::net::TcpListener::bind(address)
            .map_err(|cause| std::io::Error::new(cause.kind(), format!("{address}: {cause}")))?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            folder,
            plan,
            socket,
            running: Mutex::new(None),
        })
    }

    /// Its address.
    ///
    /// # Errors
    /// When the socket is gone.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Stops what runs and starts with the holes open or shut. The first start seeds the data and tells its progress.
    ///
    /// # Errors
    /// When the SCRM can't open its data.
    pub async fn start(
        &self,
        vulnerable: bool,
        progress: impl FnMut(&str, u32, u32) + Send,
    ) -> anyhow::Result<()> {
        let mut running = self.running.lock().await;
        if let Some(before) = running.take() {
            finish(before).await?;
        }
        let mut config = Config::new(&self.folder);
        config.vulnerable = vulnerable;
        config.seed = Some(self.plan.clone());
        let mut progress = progress;
        let scrm =
            Scrm::open_with_progress(config, move |step| progress(step.what, step.done, step.of))
                .await?;
        let listener = tokio::net::TcpListener::from_std(self.socket.try_clone()?)?;
        let directory = scrm.directory();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(scrm.serve(listener, async move {
            let _dropped_means_stop_too = stopped.await;
        }));
        *running = Some(Running {
            vulnerable,
            directory,
            stop,
            served,
        });
        Ok(())
    }

    /// Whether the holes are open now.
    pub async fn is_vulnerable(&self) -> bool {
        self.running
            .lock()
            .await
            .as_ref()
            .is_some_and(|running| running.vulnerable)
    }

    /// The addresses of customers; `None` while it is stopped.
    pub async fn directory(&self) -> Option<Directory> {
        let running = self.running.lock().await;
        running.as_ref().map(|running| running.directory.clone())
    }

    /// Stops it.
    ///
    /// # Errors
    /// When serving had failed.
    pub async fn stop(&self) -> anyhow::Result<()> {
        match self.running.lock().await.take() {
            Some(running) => finish(running).await,
            None => Ok(()),
        }
    }
}

async fn finish(running: Running) -> anyhow::Result<()> {
    let _already_ended = running.stop.send(());
    running.served.await??;
    Ok(())
}
