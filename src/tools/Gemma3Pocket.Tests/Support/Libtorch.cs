using System.Runtime.InteropServices;

namespace Gemma3Pocket.Tests.Support;

/// <summary>Whether libtorch loads here: it needs a newer libstdc++ than Debian 12 has.</summary>
internal static class Libtorch
{
    private const string File = "libLibTorchSharp.so";

    private static readonly Lazy<string?> Problem = new(() =>
    {
        // Not by a call to TorchSharp: where that fails it copies all of libtorch about, and its message hides the loader's.
        var path = Directory.EnumerateFiles(AppContext.BaseDirectory, File, SearchOption.AllDirectories).FirstOrDefault();
        if (path is null)
            return $"{File} is not beside the tests";
        try
        {
            NativeLibrary.Load(path);
            return null;
        }
        catch (DllNotFoundException exception)
        {
            var lines = exception.Message.Split('\n', StringSplitOptions.TrimEntries);
            return Array.Find(lines, line => line.Contains("GLIBC", StringComparison.Ordinal)) ?? exception.Message;
        }
    });

    /// <summary>Skips the test where it does not load.</summary>
    public static void Require()
    {
        if (Problem.Value is { } problem)
            Assert.Skip($"libtorch does not load here; the trainer's README says how to run in a Debian 13 root. {problem}");
    }
}
