namespace Gemma3Server.Testing;

/// <summary>Which native library the tests run on: the one built in, unless <c>GEMMA3SERVER_TEST_LIBRARY</c> names another folder, such as a CUDA build's.</summary>
public static class TestLibrary
{
    public static string? Directory { get; } = Environment.GetEnvironmentVariable("GEMMA3SERVER_TEST_LIBRARY") is { Length: > 0 } folder ? folder : null;

    /// <summary>
    /// Whether a row is computed to the bit alike in steps of any size, as the CPU backend does for sequences with cells of their own. A GPU
    /// backend has other kernels for other numbers of rows, which round otherwise; the folder is taken for such a one's.
    /// </summary>
    public static bool IsBatchInvariant => Directory is null;

    /// <summary>Arguments of the program for tests that count the host's memory: they keep a GPU of the tested library out of it.</summary>
    public static IReadOnlyList<string> HostOnly => Directory is null ? [] : ["--gpu-layers", "0"];
}
