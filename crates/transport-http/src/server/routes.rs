//! Which service answers which path of a listener.

use palisade_security::{EndpointPath, ServerSecurity};
use palisade_transport::Dispatcher;

use super::{HttpService, listener::BindError};

/// The endpoints of a listener: one, and more if they were added. All are under the same rules, and share
/// what counts against them.
#[derive(Clone, Debug)]
pub(super) struct Routes {
    first: Route,
    more: Vec<Route>,
}

#[derive(Clone, Debug)]
struct Route {
    path: EndpointPath,
    service: HttpService,
}

impl Routes {
    /// One endpoint at the default path.
    pub(super) fn new(service: HttpService) -> Self {
        Self { first: Route { path: EndpointPath::default(), service }, more: Vec::new() }
    }

    /// Moves the first endpoint.
    pub(super) fn move_first(&mut self, path: EndpointPath) -> Result<(), BindError> {
        let taken = self.more.iter().any(|route| route.path == path);
        if taken || self.security().is_resource_metadata(path.as_str()) {
            return Err(BindError::PathTaken { path });
        }
        self.first.path = path;
        Ok(())
    }

    /// Adds an endpoint.
    pub(super) fn add(
        &mut self,
        path: EndpointPath,
        dispatcher: impl Dispatcher,
    ) -> Result<(), BindError> {
        let taken = self.iter().any(|route| route.path == path);
        if taken || self.security().is_resource_metadata(path.as_str()) {
            return Err(BindError::PathTaken { path });
        }
        self.more.push(Route { path, service: self.first.service.with_dispatcher(dispatcher) });
        Ok(())
    }

    /// Changes how sessions are served at every endpoint.
    pub(super) fn configure(&mut self, change: impl Fn(HttpService) -> HttpService) {
        for route in std::iter::once(&mut self.first).chain(&mut self.more) {
            route.service = change(route.service.clone());
        }
    }

    /// The service for a path, and whether the path is its own: a request for another is refused, and
    /// recorded, by the first.
    pub(super) fn find(&self, path: &str) -> (&HttpService, bool) {
        let found = self.iter().find(|route| route.path.matches(path));
        found.map_or((&self.first.service, false), |route| (&route.service, true))
    }

    /// The service that records what comes before a path is known.
    pub(super) const fn first(&self) -> &HttpService {
        &self.first.service
    }

    pub(super) fn security(&self) -> &ServerSecurity {
        self.first.service.security()
    }

    /// Ends open subscriptions with a result, and takes no new ones.
    pub(super) fn shutdown(&self) {
        self.iter().for_each(|route| route.service.shutdown());
    }

    /// Ends sessions in which nothing has happened for too long.
    pub(super) async fn sweep(&self) {
        for route in self.iter() {
            route.service.sweep().await;
        }
    }

    /// Ends all sessions.
    pub(super) async fn close_sessions(&self) {
        for route in self.iter() {
            route.service.close_sessions().await;
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Route> {
        std::iter::once(&self.first).chain(&self.more)
    }
}
