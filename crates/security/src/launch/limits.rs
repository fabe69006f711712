//! [`ProcessLimits`]: what a server's process may use.

/// What the process of a server, and each that it starts, may use, enforced by the kernel on Linux. Core dumps
/// are off always: one would hold the secrets of the environment.
///
/// The transport sets them right after the start, before the process is sent anything. What it starts within those
/// microseconds has them not: they bound faults and greed, not a program that is out to escape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessLimits {
    max_memory_bytes: Option<u64>,
    max_open_files: Option<u64>,
    max_processes: Option<u64>,
    max_cpu_seconds: Option<u64>,
    max_file_bytes: Option<u64>,
}

impl ProcessLimits {
    /// No limit but that on core dumps.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            max_memory_bytes: None,
            max_open_files: None,
            max_processes: None,
            max_cpu_seconds: None,
            max_file_bytes: None,
        }
    }

    /// Limits the address space, in bytes. Programs with a garbage collector reserve far more of it than they
    /// use. Default: no limit. Abuse: a server that takes the memory of the machine.
    #[must_use]
    pub const fn with_max_memory_bytes(mut self, bytes: u64) -> Self {
        self.max_memory_bytes = Some(bytes);
        self
    }

    /// Limits the open files. Default: that of this process. Abuse: a leak that fills the system's table.
    #[must_use]
    pub const fn with_max_open_files(mut self, files: u64) -> Self {
        self.max_open_files = Some(files);
        self
    }

    /// Limits the processes and threads of the user, all of them together, that the server may add to. Default:
    /// that of this process. Abuse: a fork bomb.
    #[must_use]
    pub const fn with_max_processes(mut self, processes: u64) -> Self {
        self.max_processes = Some(processes);
        self
    }

    /// Limits the processor time, in seconds; then the process is killed. Default: no limit. Abuse: a server
    /// that computes for ever, or mines.
    #[must_use]
    pub const fn with_max_cpu_seconds(mut self, seconds: u64) -> Self {
        self.max_cpu_seconds = Some(seconds);
        self
    }

    /// Limits the size of each file that is written, in bytes. Default: no limit. Abuse: a log that fills the
    /// disk.
    #[must_use]
    pub const fn with_max_file_bytes(mut self, bytes: u64) -> Self {
        self.max_file_bytes = Some(bytes);
        self
    }

    /// The limit of the address space, in bytes.
    #[must_use]
    pub const fn max_memory_bytes(&self) -> Option<u64> {
        self.max_memory_bytes
    }

    /// The limit of open files.
    #[must_use]
    pub const fn max_open_files(&self) -> Option<u64> {
        self.max_open_files
    }

    /// The limit of the user's processes and threads.
    #[must_use]
    pub const fn max_processes(&self) -> Option<u64> {
        self.max_processes
    }

    /// The limit of processor time, in seconds.
    #[must_use]
    pub const fn max_cpu_seconds(&self) -> Option<u64> {
        self.max_cpu_seconds
    }

    /// The limit of the size of a file, in bytes.
    #[must_use]
    pub const fn max_file_bytes(&self) -> Option<u64> {
        self.max_file_bytes
    }
}
