using Gemma3Server.Hosting;

namespace Gemma3Server.Pool;

/// <summary>A request's hold on a loaded model: until it is disposed the model is busy and stays.</summary>
internal sealed class ModelLease : IDisposable
{
    private readonly Action<ModelLease> _release;
    private int _disposed;

    internal ModelLease(ModelSlot slot, IModelInstance instance, Action<ModelLease> release) =>
        (Slot, Instance, Generation, _release) = (slot, instance, slot.Generation, release);

    /// <summary>Which model.</summary>
    public ServedModel Model => Slot.Model;

    public IModelInstance Instance { get; }

    /// <summary>How long the model is to stay after its last request; null = as before.</summary>
    public KeepAlive? KeepAlive { get; set; }

    internal ModelSlot Slot { get; }

    /// <summary>Which of the slot's loads it is of.</summary>
    internal int Generation { get; }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0) _release(this);
    }
}
