namespace Gemma3Server.Testing;

/// <summary>Which native library the tests run on: the one built in, unless <c>GEMMA3SERVER_TEST_LIBRARY</c> names another folder, such as a CUDA build's.</summary>
public static class TestLibrary
{
    public static string? Directory { get; } = Environment.GetEnvironmentVariable("GEMMA3SERVER_TEST_LIBRARY") is { Length: > 0 } folder ? folder : null;
}
