namespace Gemma3Server.Runtime.LlamaCpp.Interop;

/// <summary><c>ggml_log_level</c>.</summary>
internal enum GgmlLogLevel
{
    None = 0,
    Debug = 1,
    Info = 2,
    Warning = 3,
    Error = 4,

    /// <summary>Continues the line that the previous call began.</summary>
    Continuation = 5,
}
