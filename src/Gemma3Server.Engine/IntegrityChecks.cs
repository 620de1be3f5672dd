using System.Collections.Concurrent;
using Gemma3Server.Engine.Scheduling;

namespace Gemma3Server.Engine;

/// <summary>Asks for a check of the engine's books, from any thread, which the loop answers between two steps.</summary>
/// <remarks>Thread-safe. Scheduler and cache belong to the loop's thread, so nobody else may look into them.</remarks>
internal sealed class IntegrityChecks
{
    private readonly ConcurrentQueue<TaskCompletionSource> _asked = new();
    private volatile bool _closed;

    /// <summary>Completes when the check has passed; faults with what it found; is cancelled when the loop has ended.</summary>
    public Task Ask()
    {
        var answer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _asked.Enqueue(answer);
        if (_closed) Close(); // it may have come after the last look
        return answer.Task;
    }

    /// <summary>Checks <paramref name="scheduler"/>, and the cache below it, for everybody who has asked; costs a step nothing when nobody has.</summary>
    public void Answer(Scheduler scheduler)
    {
        while (_asked.TryDequeue(out var answer))
        {
            try
            {
                scheduler.CheckIntegrity();
                answer.SetResult();
            }
            catch (Exception exception)
            {
                answer.SetException(exception);
            }
        }
    }

    /// <summary>Nobody will look any more.</summary>
    public void Close()
    {
        _closed = true;
        while (_asked.TryDequeue(out var answer)) answer.SetCanceled();
    }
}
