using Gemma3Server.Hosting;
using Gemma3Server.Pool;
using Gemma3Server.Runtime;

namespace Gemma3Server.Tests.Pool;

/// <summary>A load that a test ends, and what it made.</summary>
internal sealed class FakeInstance(ServedModel model, int shrink, MemorySize size) : IModelInstance
{
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ServedModel Model => model;

    public int Shrink => shrink;

    public bool Stopped { get; private set; }

    public Task Ready => _ready.Task;

    public Task Ended => _ended.Task;

    public Exception? Failure { get; private set; }

    public double Progress { get; set; }

    public MemorySize Taken => size;

    public int HostLayers { get; init; }

    public void Load() => _ready.SetResult();

    public void Refuse(bool forMemory) => Fail(new ModelLoadException(forMemory ? "no memory" : "broken") { IsForMemory = forMemory });

    /// <summary>It fails, while it is loaded or afterwards.</summary>
    public void Fail(Exception exception)
    {
        Failure = exception;
        if (_ready.TrySetException(exception)) _ = _ready.Task.Exception;
        _ended.TrySetResult();
    }

    public Task StopAsync(TimeSpan timeout)
    {
        Stopped = true;
        _ready.TrySetCanceled();
        _ended.TrySetResult();
        return Task.CompletedTask;
    }

    public Task AbandonAsync(Exception fault)
    {
        Fail(fault);
        return Task.CompletedTask;
    }
}
