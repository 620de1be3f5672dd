namespace Gemma3Server.Runtime;

/// <summary>A checkpoint or the native library could not be loaded. The message is one line and says what to do.</summary>
public sealed class ModelLoadException : Exception
{
    /// <summary>Whether memory is what was missing: with less of everything, or with other models gone, it may succeed.</summary>
    public bool IsForMemory { get; init; }

    /// <summary>Creates the exception with a one-line message.</summary>
    public ModelLoadException(string message) : base(message)
    {
    }

    /// <summary>Creates the exception with a one-line message and its cause.</summary>
    public ModelLoadException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
