using System.Reflection;
using System.Runtime.InteropServices;
using Gemma3Server.Runtime.LlamaCpp.Interop;
using Microsoft.Extensions.Logging;

namespace Gemma3Server.Runtime.LlamaCpp.Loading;

/// <summary>
/// Loads the native library once per process: finds the deployed variant, loads its files by full path, connects the log and the abort
/// callback, registers the compute backends and checks that the library is the one these bindings were written for.
/// </summary>
internal static unsafe class NativeLibraryLoader
{
    /// <summary>Where variants are deployed, beside the program.</summary>
    private const string DeploymentFolder = "llama";

    // A GPU variant contains the CPU backends too, so it also serves where its own backend cannot be loaded.
    private static readonly string[] Variants = ["cuda12", "cuda", "vulkan", "cpu"];

    private const string CudaBackend = "libggml-cuda.so";

    private static readonly string[] GpuBackends = [CudaBackend, "libggml-vulkan.so"];

    private static readonly Lock Gate = new();
    private static readonly Dictionary<string, nint> Handles = [];
    private static string? _loadedFrom;
    private static bool _resolverIsSet;

    /// <summary>Handle of a loaded library, by the name that the bindings use.</summary>
    public static nint HandleOf(string library) => Handles[library];

    /// <summary>
    /// Loads the library from <paramref name="directory"/>, or from the best variant deployed beside the program when it is null.
    /// Does nothing more than take the logger when it is loaded already.
    /// </summary>
    /// <exception cref="ModelLoadException">Not deployed, not loadable, or not the version that these bindings fit.</exception>
    public static void Load(string? directory, ILoggerFactory loggers)
    {
        lock (Gate)
        {
            NativeLog.SendTo(loggers.CreateLogger("llama.cpp"));
            if (_loadedFrom is not null)
            {
                if (directory is not null && Path.GetFullPath(directory) != _loadedFrom)
                    throw new ModelLoadException($"The llama.cpp library is already loaded from '{_loadedFrom}'; a process cannot load a second one from '{directory}'.");
                return;
            }

            var logger = loggers.CreateLogger(typeof(NativeLibraryLoader));
            var folder = directory is null ? FindDeployed() : Path.GetFullPath(directory);
            LoadFiles(folder);
            ConnectCallbacks();
            LayoutSelfCheck.Run();
            RegisterBackends(folder, isDeployed: directory is null, logger);
            LlamaNative.llama_backend_init();
            _ = NativeAbort.Occurred.ContinueWith(task => LogMessages.Aborted(logger, task.Result), TaskScheduler.Default);
            _loadedFrom = folder;
            var (version, variant, devices) = (Utf8Text.Read(LlamaNative.llama_version()), Path.GetFileName(folder), string.Join(", ", ComputeDevice.All()));
            LogMessages.LibraryLoaded(logger, version, variant, devices);
        }
    }

    private static string FindDeployed()
    {
        var root = Path.Combine(AppContext.BaseDirectory, DeploymentFolder);
        return Variants.Select(variant => Path.Combine(root, variant)).FirstOrDefault(folder => Find(folder, "libllama") is not null)
            ?? throw new ModelLoadException(
                $"The llama.cpp library is not deployed in '{root}': build on Linux (x64 or arm64) with Node.js installed, or set the library directory.");
    }

    private static void LoadFiles(string folder)
    {
        // Each library finds the ones before it by its own folder; loading by full path keeps other installations out.
        (string Name, string Stem)[] files = [(GgmlBaseNative.Library, "libggml-base"), (GgmlNative.Library, "libggml"), (LlamaNative.Library, "libllama")];
        foreach (var (name, stem) in files)
        {
            var path = Find(folder, stem) ?? throw new ModelLoadException($"'{folder}' has no {stem}*.so: it is not a folder with the pinned llama.cpp library.");
            try
            {
                Handles[name] = NativeLibrary.Load(path);
            }
            catch (Exception error) when (error is DllNotFoundException or BadImageFormatException)
            {
                throw new ModelLoadException($"'{path}' cannot be loaded (it needs glibc 2.34 and libstdc++ 6.0.30 or newer): {OneLine(error)}", error);
            }
        }

        if (_resolverIsSet) return; // a second try after a failed one
        NativeLibrary.SetDllImportResolver(Assembly.GetExecutingAssembly(), (name, _, _) => Handles.GetValueOrDefault(name));
        _resolverIsSet = true;
    }

    /// <summary>The file <c>{stem}.so</c> or <c>{stem}.{version}.so</c>; never a longer stem such as <c>libllama-common</c>.</summary>
    private static string? Find(string folder, string stem) => !Directory.Exists(folder)
        ? null
        : Directory.EnumerateFiles(folder, $"{stem}*.so").Where(path => Path.GetFileName(path)[stem.Length] == '.').Order(StringComparer.Ordinal).FirstOrDefault();

    private static void ConnectCallbacks()
    {
        // Without it a failed assertion starts a debugger for a backtrace first. It must be in the process's own environment.
        _ = LibcNative.setenv("GGML_NO_BACKTRACE", "1", 1);
        LlamaNative.llama_log_set(&NativeLog.Write, null);
        GgmlBaseNative.ggml_log_set(&NativeLog.Write, null);
        _ = GgmlBaseNative.ggml_set_abort_callback(&NativeAbort.Hold);
    }

    private static void RegisterBackends(string folder, bool isDeployed, ILogger logger)
    {
        // A backend that the driver cannot run must not even be registered: the library would use it, and end the process. What a library of
        // the user's own was compiled for is not known here.
        var isPinnedCuda = isDeployed && File.Exists(Path.Combine(folder, CudaBackend));
        var unusable = isPinnedCuda ? CudaDriver.WhyUnusable() : null;
        var fallback = Path.Combine(folder, "fallback", CudaBackend);
        var replaced = unusable is not null && File.Exists(fallback) && GgmlNative.ggml_backend_load(fallback) != 0;
        var reason = unusable ?? LoadGpuBackend(folder);
        if (unusable is null) GgmlNative.ggml_backend_load_all_from_path(folder);
        else RegisterBestCpuBackend(folder);
        var devices = ComputeDevice.All();
        if (devices.Count == 0) throw new ModelLoadException($"'{folder}' has no compute backend that this processor can run.");

        var hasBackend = GpuBackends.Any(file => File.Exists(Path.Combine(folder, file)));
        if (!hasBackend || replaced || devices.Any(device => device.IsGpu)) return;
        LogMessages.BackendUnusable(logger, Path.GetFileName(folder), reason ?? "it found no device");
    }

    /// <summary>Does for the CPU alone what the library does for all kinds: of the builds that this processor can run, the fastest.</summary>
    private static void RegisterBestCpuBackend(string folder)
    {
        var best = Directory.EnumerateFiles(folder, "libggml-cpu*.so").Select(path => (Path: path, Score: Score(path))).MaxBy(build => build.Score);
        if (best.Score > 0) GgmlNative.ggml_backend_load(best.Path);

        static int Score(string path) =>
            NativeLibrary.TryLoad(path, out var handle) && NativeLibrary.TryGetExport(handle, "ggml_backend_score", out var score)
                ? ((delegate* unmanaged<int>)score)()
                : 0;
    }

    /// <summary>Why the GPU backend cannot be loaded; null when it can or when there is none. The library itself would skip it silently.</summary>
    private static string? LoadGpuBackend(string folder)
    {
        string? reason = null;
        foreach (var path in GpuBackends.Select(file => Path.Combine(folder, file)).Where(File.Exists))
        {
            try
            {
                NativeLibrary.Load(path);
            }
            catch (Exception error) when (error is DllNotFoundException or BadImageFormatException)
            {
                // The same backend built for an older driver's run-time library, where it is deployed.
                var fallback = Path.Combine(folder, "fallback", Path.GetFileName(path));
                if (!File.Exists(fallback) || GgmlNative.ggml_backend_load(fallback) == 0) reason = OneLine(error);
            }
        }

        return reason;
    }

    private static string OneLine(Exception error) => error.Message.ReplaceLineEndings(" ").Trim();
}
