// swift-tools-version: 5.9
import PackageDescription

/// What of the app needs no screen, as a package so that it is compiled and tested anywhere. The
/// Xcode project takes the same sources into the app.
let package = Package(
    name: "SampleLogic",
    platforms: [.iOS(.v17), .macOS(.v14)],
    products: [.library(name: "SampleLogic", targets: ["SampleLogic"])],
    dependencies: [.package(path: "../../bindings/swift")],
    targets: [
        .target(
            name: "SampleLogic",
            dependencies: [.product(name: "Kinora", package: "swift")]
        ),
        .testTarget(
            name: "SampleLogicTests",
            dependencies: ["SampleLogic"],
            linkerSettings: [
                // Swift's own Observation library for Linux leaves a symbol of its threads open.
                .unsafeFlags(["-Xlinker", "--allow-shlib-undefined"], .when(platforms: [.linux])),
            ]
        ),
    ]
)
