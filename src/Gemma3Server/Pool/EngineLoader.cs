using Gemma3Server.Chat;
using Gemma3Server.Engine;
using Gemma3Server.Hosting;
using Gemma3Server.Responses;
using Gemma3Server.Runtime;

namespace Gemma3Server.Pool;

/// <summary>Loads models into engines.</summary>
/// <remarks>
/// A model that does not fit is made smaller step by step (<see cref="Shrink"/>): without its draft model, then with half of the
/// conversations, down to one, since that only makes some wait; then with shorter contexts, but only where the settings leave the length open.
/// A length that somebody asked for is promised to clients: a load that cannot keep it fails instead.
/// </remarks>
internal sealed partial class EngineLoader(
    RuntimeLoader runtime, Tokenizations tokenizations, ResponseStore store, TimeProvider timeProvider, ILoggerFactory loggers) : IModelLoader
{
    /// <summary>Context lengths that are tried one after the other; shorter ones hold no conversation.</summary>
    private static readonly int[] ShorterContexts = [4096, 2048, 1024];

    private readonly ILogger _logger = loggers.CreateLogger<EngineLoader>();
    private readonly HostShares _shares = new();

    public ModelNeed Need(ServedModel model) => runtime.Need(model.Options);

    public MemorySize Free(MemorySize taken) => runtime.Free(taken);

    public bool CanShrink(ServedModel model, int shrink) => Shrink(model.Options, shrink) is not null;

    public IModelInstance Start(ServedModel model, int shrink, MemorySize free)
    {
        var (options, report) = (Shrink(model.Options, shrink)!, new LoadReport());
        var engine = new InferenceEngine(
            stopped =>
            {
                var loaded = runtime.Load(options, free, share => report.Progress = share, stopped);
                report.Add(runtime.TakenBy(loaded));
                if (options.Runtime.GpuLayers < 0) report.HostLayers = runtime.HostLayers(loaded);
                return loaded;
            },
            EngineOptionsOf(options.Engine) with { Name = model.Id, HostShares = _shares },
            timeProvider,
            loggers.CreateLogger<InferenceEngine>(),
            string.IsNullOrWhiteSpace(options.Model.DraftPath) ? null : (loaded, stopped) => LoadDraft(model.Id, options, loaded, free - report.Taken, report, stopped));
        return new ModelSession(model, engine, report, tokenizations, store, timeProvider);
    }

    /// <summary>The settings of a load that is so many times smaller than configured; null when it cannot be.</summary>
    internal static Gemma3ServerOptions? Shrink(Gemma3ServerOptions options, int shrink)
    {
        if (shrink > 0 && !string.IsNullOrWhiteSpace(options.Model.DraftPath)) (options, shrink) = (options with { Model = options.Model with { DraftPath = null } }, shrink - 1);
        var runtime = options.Runtime;

        // Open sizes have been tried as small as the planner makes them; from there on it is one conversation.
        for (; shrink > 0 && runtime.Parallel != 1; shrink--) runtime = runtime with { Parallel = Math.Max(1, runtime.Parallel / 2) };
        if (shrink > 0)
        {
            if (runtime.ContextLength > 0 || shrink > ShorterContexts.Length) return null;
            runtime = runtime with { ContextLength = ShorterContexts[shrink - 1] };
        }

        return options with { Runtime = runtime };
    }

    private static EngineOptions EngineOptionsOf(EngineSettings settings) => new()
    {
        QueueLimit = settings.QueueLimit,
        StepTokens = settings.StepTokens,
        AdaptiveBudget = settings.AdaptiveBudget,
        InterTokenFactor = settings.InterTokenFactor,
        InterTokenMilliseconds = settings.InterTokenMilliseconds,
        PrefillShare = settings.PrefillShare,
        PrefixReuse = settings.PrefixReuse,
        CheckpointBytes = settings.CheckpointBytes,
        ReserveTokens = settings.ReserveTokens,
        HostCacheBytes = settings.HostCacheBytes,
        ForkMinimumTokens = settings.ForkMinimumTokens,
        HostMinimumTokens = settings.HostMinimumTokens,
        Speculation = Enum.Parse<SpeculationMode>(settings.Speculation, ignoreCase: true),
        DraftTokens = settings.DraftTokens,
        DraftMinimumMatch = settings.DraftMinimumMatch,
    };

    /// <summary>Null when there is no memory for it: drafts only make things faster.</summary>
    private IModelRuntime? LoadDraft(string model, Gemma3ServerOptions options, IModelRuntime loaded, MemorySize free, LoadReport report, CancellationToken stopped)
    {
        try
        {
            var draft = runtime.LoadDraft(options, loaded, free, stopped);
            report.Add(runtime.TakenBy(draft));
            return draft;
        }
        catch (ModelLoadException exception) when (exception.IsForMemory)
        {
            LogNoDraft(model, exception.Message);
            return null;
        }
    }

    [LoggerMessage(LogLevel.Warning, "Model {Model} is served without its draft model: {Reason}")]
    private partial void LogNoDraft(string model, string reason);
}
