namespace Gemma3Server.Engine;

/// <summary>The engine's state, which only moves forward, and the tasks that wait for it.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class EngineLifecycle
{
    private readonly Lock _gate = new();
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile EngineState _state = EngineState.Loading;
    private volatile bool _abortRequested;

    public EngineState State => _state;

    public Exception? Failure { get; private set; }

    /// <summary>Completes when the model is loaded; faults when it could not be, is cancelled when the engine was stopped before.</summary>
    public Task Ready => _ready.Task;

    /// <summary>Completes, never faults, when the loop has ended and the runtime is disposed.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Whether running requests shall not be waited for any more.</summary>
    public bool AbortRequested => _abortRequested;

    /// <summary>From loading to ready, unless a stop came in between; then false.</summary>
    public bool TryBecomeReady()
    {
        lock (_gate)
        {
            if (_state != EngineState.Loading) return false;
            _state = EngineState.Ready;
        }

        _ready.TrySetResult();
        return true;
    }

    /// <summary>Begins to drain, unless that or the end has come already.</summary>
    public void BeginDrain()
    {
        lock (_gate)
        {
            if (_state is EngineState.Loading or EngineState.Ready) _state = EngineState.Draining;
        }
    }

    /// <summary>Asks not to wait for running requests.</summary>
    public void RequestAbort() => _abortRequested = true;

    /// <summary>The engine fails; requests are refused from here on.</summary>
    public void Fail(Exception failure)
    {
        lock (_gate)
        {
            Failure = failure;
            _state = EngineState.Failed;
        }

        if (_ready.TrySetException(failure)) _ = _ready.Task.Exception; // seen here, should nobody await it
    }

    /// <summary>The loop has ended.</summary>
    public void End()
    {
        lock (_gate)
        {
            if (_state != EngineState.Failed) _state = EngineState.Stopped;
        }

        _ready.TrySetCanceled();
        _ended.TrySetResult();
    }
}
