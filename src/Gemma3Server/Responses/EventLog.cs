using System.Runtime.CompilerServices;

namespace Gemma3Server.Responses;

/// <summary>A growing list that any number of readers follow, each from where it likes and at its own pace.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class EventLog<T>
{
    private readonly Lock _lock = new();
    private readonly List<T> _events = [];
    private TaskCompletionSource? _more;
    private bool _complete;

    public void Add(T added) => Change(() => _events.Add(added));

    /// <summary>Nothing comes after this.</summary>
    public void Complete() => Change(() => _complete = true);

    /// <summary>The events from the one with the index <paramref name="from"/> to the last, waiting for those that are still to come.</summary>
    public async IAsyncEnumerable<T> ReadAsync(int from, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var next = from;
        while (true)
        {
            Task waiting;
            lock (_lock)
            {
                waiting = next < _events.Count || _complete ? Task.CompletedTask : (_more ??= New()).Task;
            }

            await waiting.WaitAsync(cancellationToken);
            T[] ready;
            lock (_lock)
            {
                ready = next < _events.Count ? [.. _events.Skip(next)] : [];
                if (ready.Length == 0 && _complete) yield break;
            }

            next += ready.Length;
            foreach (var current in ready) yield return current;
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Change(Action change)
    {
        TaskCompletionSource? more;
        lock (_lock)
        {
            change();
            (more, _more) = (_more, null);
        }

        more?.SetResult();
    }
}
