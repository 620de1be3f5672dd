using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests;

/// <summary>A fake runtime whose steps take time on the clock that <see cref="Clock"/> is, as a test reckons it.</summary>
internal abstract class ClockedRuntime(FakeRuntimeOptions options) : DelegatingRuntime(new FakeModelRuntime(options))
{
    private readonly StepClock _clock = new(TimeSpan.Zero);

    /// <summary>The time that only steps, and the test, move on.</summary>
    public TimeProvider Clock => _clock;

    public void Advance(TimeSpan time) => _clock.Advance(time);

    public override ForwardStatus Forward(ForwardBatch batch)
    {
        Advance(Reckon(batch));
        return base.Forward(batch);
    }

    /// <summary>How long a step takes.</summary>
    protected abstract TimeSpan Reckon(ForwardBatch batch);
}
