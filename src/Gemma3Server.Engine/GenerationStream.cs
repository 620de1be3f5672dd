using Gemma3Server.Engine.Scheduling;

namespace Gemma3Server.Engine;

/// <summary>The events of one generation, to be read once; disposing the enumerator cancels the generation.</summary>
/// <remarks>Written by hand: an async iterator that was never moved would not run its <c>finally</c>, and the sequence would run on.</remarks>
internal sealed class GenerationStream(Sequence sequence) : IAsyncEnumerable<GenerationEvent>
{
    private int _read;

    public IAsyncEnumerator<GenerationEvent> GetAsyncEnumerator(CancellationToken cancellationToken = default) =>
        Interlocked.Exchange(ref _read, 1) == 0
            ? new Enumerator(sequence, cancellationToken)
            : throw new InvalidOperationException("The events of a generation can be read once only.");

    private sealed class Enumerator(Sequence sequence, CancellationToken cancellationToken) : IAsyncEnumerator<GenerationEvent>
    {
        public GenerationEvent Current { get; private set; } = null!;

        public async ValueTask<bool> MoveNextAsync()
        {
            var events = sequence.Output.Events;
            GenerationEvent? next;
            while (!events.TryRead(out next))
            {
                if (!await events.WaitToReadAsync(cancellationToken).ConfigureAwait(false)) return false;
            }

            Current = next;
            return true;
        }

        public ValueTask DisposeAsync()
        {
            sequence.Cancel();
            return ValueTask.CompletedTask;
        }
    }
}
