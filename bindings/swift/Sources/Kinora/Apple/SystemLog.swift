#if canImport(os)
import os

/// Sends what Kinora and ONNX Runtime say to the system's log:
/// `setLogSink(sink: SystemLog(), level: .info)`.
public final class SystemLog: LogSink {
    private let logger: Logger

    /// - Parameter subsystem: The app's own name in the log, usually its bundle identifier.
    public init(subsystem: String = "app.kinora") {
        logger = Logger(subsystem: subsystem, category: "kinora")
    }

    /// One line; nothing in it is private, so that it can be read on a device that is not at hand.
    public func log(record: LogRecord) throws {
        let line = "\(record.source): \(record.message)"
        switch record.level {
        case .error: logger.error("\(line, privacy: .public)")
        case .warning: logger.warning("\(line, privacy: .public)")
        case .info: logger.info("\(line, privacy: .public)")
        case .debug: logger.debug("\(line, privacy: .public)")
        }
    }
}
#endif
