using Gemma3Server.Hosting;
using Gemma3Server.Runtime;

namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>One kind of load, run on the ceiling, on the engine, and on the engine with a feature switched off.</summary>
/// <remarks>An instance belongs to one run. Every round has prompts of its own, the same for all sides.</remarks>
internal abstract class Scenario
{
    /// <summary>Room for the chat template and for a word too much in each turn.</summary>
    protected const int Slack = 64;

    /// <summary>The name that <c>--only</c> takes.</summary>
    public abstract string Name { get; }

    /// <summary>What happens, in one line.</summary>
    public abstract string Title { get; }

    /// <summary>Sequences that the engine is given.</summary>
    public abstract int Sequences { get; }

    /// <summary>Tokens that each of them must hold.</summary>
    public abstract int ContextLength { get; }

    /// <summary>Rounds; medians are shown.</summary>
    public virtual int Rounds => 2;

    /// <summary>What it yields; the first is the one to look at.</summary>
    public abstract IReadOnlyList<Metric> Metrics { get; }

    /// <summary>What a reader of the numbers must know; may depend on <see cref="Prepare"/>.</summary>
    public virtual string? Note => null;

    /// <summary>Whether it is left out where no draft model is given.</summary>
    public virtual bool NeedsDraft => false;

    /// <summary>What its engines get in place of a loaded runtime, the draft model's where the second argument is true; none = the runtime itself.</summary>
    public virtual Func<IModelRuntime, bool, IModelRuntime>? Wrap => null;

    /// <summary>Called once before the rounds, on an idle machine.</summary>
    public virtual void Prepare(NativeBaseline native, ScenarioPrompts prompts)
    {
    }

    /// <summary>One round on an engine that is idle, and is left so.</summary>
    public abstract Task<Dictionary<Metric, double>> RunAsync(EngineClient engine, ScenarioPrompts prompts, CancellationToken cancellationToken);

    /// <summary>The same round on the plain native loop, or what follows from its speed; empty where that says nothing.</summary>
    public virtual Dictionary<Metric, double> Ceiling(NativeBaseline native, ScenarioPrompts prompts) => [];
}
