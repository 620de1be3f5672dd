namespace Gemma3Server.Engine;

/// <summary>The life of an engine; it only moves forward.</summary>
public enum EngineState
{
    /// <summary>The model is being loaded.</summary>
    Loading,

    /// <summary>Requests are admitted.</summary>
    Ready,

    /// <summary>Running requests finish, new ones are refused.</summary>
    Draining,

    /// <summary>Stopped on purpose; the runtime has been disposed.</summary>
    Stopped,

    /// <summary>Loading failed, or the loop met an unexpected error; <see cref="InferenceEngine.Failure"/> says which.</summary>
    Failed,
}
