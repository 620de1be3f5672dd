namespace Gemma3Server.Runtime.LlamaCpp.Gguf;

/// <summary>A GGUF file is damaged, truncated or of an unknown kind. The message is one line: the file, what is wrong, and where.</summary>
public sealed class GgufException : Exception
{
    /// <summary>Creates the exception with a one-line message.</summary>
    public GgufException(string message) : base(message)
    {
    }

    /// <summary>Creates the exception with a one-line message and its cause.</summary>
    public GgufException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
