using Gemma3Server.Runtime;

namespace Gemma3Server.Testing;

/// <summary>Holds a fake runtime's forward steps until it is opened; lets a number of them pass before.</summary>
public sealed class StepGate(int free = 0) : IDisposable
{
    private readonly ManualResetEventSlim _open = new();
    private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when a step is being held.</summary>
    public Task Reached => _reached.Task;

    public ForwardStatus Pass(int step)
    {
        if (step >= free)
        {
            _reached.TrySetResult();
            _open.Wait();
        }

        return ForwardStatus.Ok;
    }

    public void Open() => _open.Set();

    public void Dispose()
    {
        // Not disposed: the loop may still be inside when a test fails.
        Open();
    }
}
