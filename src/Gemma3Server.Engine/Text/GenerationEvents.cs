using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;

namespace Gemma3Server.Engine.Text;

/// <summary>The reading end of a generation: makes events of what the loop posted, on the thread of whoever reads.</summary>
/// <remarks>
/// One reader. A token need not complete any text, so <see cref="WaitToReadAsync"/> may come back for nothing: it is to be followed by
/// <see cref="TryRead"/>, in a loop, as with any channel.
/// </remarks>
internal sealed class GenerationEvents(ChannelReader<Emission> emissions, GenerationText text) : ChannelReader<GenerationEvent>
{
    private GenerationEvent? _next;

    public override Task Completion => emissions.Completion;

    public override bool TryRead([MaybeNullWhen(false)] out GenerationEvent item)
    {
        (item, _next) = (_next, null);
        while (item is null && emissions.TryRead(out var emission)) item = Read(emission);
        return item is not null;
    }

    public override ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken = default) =>
        _next is null ? emissions.WaitToReadAsync(cancellationToken) : new(true);

    private GenerationEvent? Read(Emission emission)
    {
        switch (emission.Event)
        {
            case null:
                text.Append(emission.Token, emission.LogProbs);
                return emission.IsLast ? null : text.Release();
            case GenerationEvent.Finished finished:
                if (text.Finish(ref finished) is not { } rest) return finished;
                _next = finished;
                return rest;
            default:
                return emission.Event;
        }
    }
}
