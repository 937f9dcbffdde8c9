// swift-tools-version: 5.9
import Foundation
import PackageDescription

/// A binary of a release: filled in by `cargo xtask package apple`, empty in the repository.
struct Binary {
    let url: String
    let checksum: String
}

/// Kinora's own XCFramework and ONNX Runtime's. Without them the package is local: it links the
/// library that cargo built, whose sources `cargo xtask bindings` puts beside it.
let kinora: Binary? = nil
let onnxRuntime: Binary? = nil

var targets: [Target]
var kinoraDependencies: [Target.Dependency] = ["KinoraFFI"]
var linking: [LinkerSetting] = []

if let kinora, let onnxRuntime {
    targets = [
        .binaryTarget(name: "KinoraFFI", url: kinora.url, checksum: kinora.checksum),
        .binaryTarget(name: "onnxruntime", url: onnxRuntime.url, checksum: onnxRuntime.checksum),
    ]
    kinoraDependencies.append("onnxruntime")
    linking = [
        .linkedLibrary("c++"),
        .linkedFramework("CoreML"),
        .linkedFramework("Accelerate"),
    ]
} else {
    let folder = ProcessInfo.processInfo.environment["KINORA_LIBRARY_DIR"]
        ?? "\(Context.packageDirectory)/../../target/release"
    targets = [.systemLibrary(name: "KinoraFFI", path: "Sources/KinoraFFI")]
    linking = [.unsafeFlags(["-L\(folder)"]), .linkedLibrary("kinora")]
}

let package = Package(
    name: "Kinora",
    platforms: [.iOS(.v15), .macOS(.v12)],
    products: [
        .library(name: "Kinora", targets: ["Kinora"]),
        .library(name: "KinoraRemote", targets: ["KinoraRemote"]),
    ],
    targets: targets + [
        .target(
            name: "Kinora",
            dependencies: kinoraDependencies,
            resources: [.copy("PrivacyInfo.xcprivacy")],
            linkerSettings: linking
        ),
        // Apart, so that an app without remote models has no networking code.
        .target(
            name: "KinoraRemote",
            dependencies: ["Kinora"],
            resources: [.copy("PrivacyInfo.xcprivacy")]
        ),
        .testTarget(name: "KinoraTests", dependencies: ["Kinora"]),
        .testTarget(name: "KinoraRemoteTests", dependencies: ["Kinora", "KinoraRemote"]),
    ]
)
