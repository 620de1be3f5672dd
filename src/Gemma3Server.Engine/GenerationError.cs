namespace Gemma3Server.Engine;

/// <summary>Why a generation failed or was not admitted.</summary>
public enum GenerationError
{
    /// <summary>The queue is full (HTTP 429).</summary>
    QueueFull,

    /// <summary>The model is still loading (HTTP 503).</summary>
    Loading,

    /// <summary>The server is draining before it stops (HTTP 503).</summary>
    Draining,

    /// <summary>There is no memory for the request, though all that could give way has given way (HTTP 503).</summary>
    OutOfMemory,

    /// <summary>The runtime failed while computing; the request may be repeated (HTTP 500).</summary>
    RuntimeFailed,

    /// <summary>The request's time was up before it began to answer (HTTP 504).</summary>
    DeadlineExceeded,
}
