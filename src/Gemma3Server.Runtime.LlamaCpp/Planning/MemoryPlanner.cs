using Gemma3Server.Runtime.LlamaCpp.Loading;

namespace Gemma3Server.Runtime.LlamaCpp.Planning;

/// <summary>Says what a model takes and whether it fits, and chooses what the options leave open. Nothing is loaded for it.</summary>
/// <remarks>
/// <para>What a load does with the same options is decided by the same code (<see cref="ContextPlan"/>, <see cref="MemoryNeed"/>).</para>
/// <para>An option that is given stays as it is, whether it fits or not. Left open are <see cref="LlamaCppOptions.GpuLayers"/> -1,
/// <see cref="LlamaCppOptions.Parallel"/> 0, <see cref="LlamaCppOptions.ContextLength"/> 0 and <see cref="LlamaCppOptions.SharedCells"/> null, which
/// follows the layers, and chosen in this order:</para>
/// <list type="number">
/// <item>Layers: all on the GPU if one conversation of 2048 tokens fits beside them, otherwise as many as fit beside one of 4096. A layer on
/// the host costs every token of everybody; fewer conversations only make some wait.</item>
/// <item>Conversations: up to 4, as long as each has 4096 tokens: a second user notices a queue more than a shorter memory.</item>
/// <item>Context: with what is left, up to what the checkpoint was trained for, at most 32,768 tokens where all layers are on a GPU, whose memory
/// is good for nothing else, and 8192 otherwise: the host's memory belongs to other programs too, and it computes a longer prompt for minutes.</item>
/// </list>
/// <para>The choice leaves 5 % of what is free to what nobody can foresee, and of the host's memory what <see cref="LlamaCppOptions.HostCacheBytes"/>
/// says, or half of what the weights leave. It depends on nothing but its arguments.</para>
/// </remarks>
public static class MemoryPlanner
{
    private const int LeastContext = 2048;
    private const int EnoughContext = 4096;
    private const int MostGpuContext = 32_768;

    /// <summary>Percent of what is free that an open choice may use.</summary>
    private const int Usable = 95;

    /// <summary>Plans a checkpoint: what it needs with these options, and whether it fits beside what else is in memory.</summary>
    /// <param name="options">The options of a load; the path is that of the file.</param>
    /// <param name="free">What is free: <see cref="LlamaCppRuntime.MeasureMemory"/>, or anything that is to be tried.</param>
    /// <exception cref="ModelLoadException">The file cannot be served, or an option is out of range; one line.</exception>
    public static MemoryPlan Plan(LlamaCppOptions options, DeviceMemory free)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Plan(CheckpointFile.Check(Path.GetFullPath(options.ModelPath)), options, free);
    }

    /// <summary>Plans a model of a known footprint; the options' path has no meaning.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">The options of a load.</param>
    /// <param name="free">What is free.</param>
    /// <param name="draft">The model that drafts for it; null = that of <see cref="LlamaCppOptions.DraftPath"/>, if there is one.</param>
    /// <exception cref="ModelLoadException">An option is out of range; one line.</exception>
    public static MemoryPlan Plan(ModelFootprint model, LlamaCppOptions options, DeviceMemory free, ModelFootprint? draft = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(free);
        draft ??= options.DraftPath is null ? null : FootprintOfDraft(options.DraftPath);
        var chosen = Choose(model, options, free, draft);
        var plan = ContextPlan.Create(model, chosen);
        var need = MemoryNeed.Of(model, plan, chosen.GpuLayers, free.Gpus);
        return new()
        {
            ContextLength = plan.ContextLength,
            TrainedContextLength = model.TrainedContextLength,
            Sequences = plan.Sequences,
            GpuLayers = free.Gpus == 0 ? 0 : Math.Min(chosen.GpuLayers < 0 ? int.MaxValue : chosen.GpuLayers, model.LayerCount + 1),
            LayerCount = model.LayerCount,
            Need = need,
            Draft = draft is null ? null : NeedOfDraft(draft, chosen, free),
            Free = free,
            Shortage = need.FindShortage(plan.ToString(), free.HostFree, free.GpuFree, loaded: false),
        };
    }

    /// <summary>The longest context that fits with the options' sequences and layers and leaves 5 %; 0 = none does.</summary>
    /// <exception cref="ModelLoadException">An option is out of range; one line.</exception>
    public static int LargestContext(ModelFootprint model, LlamaCppOptions options, DeviceMemory free, ModelFootprint? draft = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        return Longest(model.TrainedContextLength, context => Fits(model, draft, options with { ContextLength = context }, free));
    }

    /// <summary>The most sequences that fit with the options' context and layers and leave 5 %; 0 = not one does.</summary>
    /// <exception cref="ModelLoadException">An option is out of range; one line.</exception>
    public static int MostSequences(ModelFootprint model, LlamaCppOptions options, DeviceMemory free, ModelFootprint? draft = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Largest(ContextPlan.MaxSequences, sequences => Fits(model, draft, options with { Parallel = sequences }, free));
    }

    /// <summary>The options with everything decided that they leave open.</summary>
    internal static LlamaCppOptions Choose(ModelFootprint model, LlamaCppOptions options, DeviceMemory free, ModelFootprint? draft = null)
    {
        draft ??= options.DraftPath is null ? null : FootprintOfDraft(options.DraftPath);
        var (openSequences, openContext) = (options.Parallel == 0, options.ContextLength == 0);
        var longest = Math.Min(model.TrainedContextLength, draft?.TrainedContextLength ?? int.MaxValue);
        if (options.GpuLayers < 0 && free.Gpus > 0)
        {
            var all = model.LayerCount + 1;
            options = options with { GpuLayers = all };
            if (!FitsGpu(With(1, LeastContext)))
                options = options with { GpuLayers = Largest(all - 1, layers => FitsGpu(With(1, EnoughContext) with { GpuLayers = layers })) };
        }

        if (openSequences)
            options = options with { Parallel = Math.Max(1, Largest(ContextPlan.DefaultSequences, sequences => Fits(With(sequences, EnoughContext)))) };
        if (openContext)
        {
            var most = Math.Min(longest, IsOnGpu(model, options, free) ? MostGpuContext : ContextPlan.DefaultContextLength);
            var longestThatFits = Longest(most, context => Fits(With(options.Parallel, context)));
            options = options with { ContextLength = longestThatFits > 0 ? longestThatFits : Math.Min(most, ContextPlan.Pad) };
        }

        return Lay(model, options, free);

        LlamaCppOptions With(int sequences, int context) => options with
        {
            Parallel = openSequences ? sequences : options.Parallel,
            ContextLength = openContext ? Math.Min(context, longest) : options.ContextLength,
        };

        bool Fits(LlamaCppOptions sizes) => MemoryPlanner.Fits(model, draft, sizes, free);

        bool FitsGpu(LlamaCppOptions sizes) => Needs(model, draft, sizes, free).Gpu <= Share(free.GpuFree);
    }

    private static bool Fits(ModelFootprint model, ModelFootprint? draft, LlamaCppOptions options, DeviceMemory free)
    {
        var (host, gpu) = Needs(model, draft, options, free);

        // What the caches may grow to is not needed to run: they get no more than half of what the weights leave.
        var usable = Share(free.HostFree);
        var caches = Math.Min(options.HostCacheBytes, Math.Max(0, usable - model.WeightBytes) / 2);
        return host <= usable - caches && gpu <= Share(free.GpuFree);
    }

    /// <summary>Decides who shares cells, where that is open.</summary>
    private static LlamaCppOptions Lay(ModelFootprint model, LlamaCppOptions options, DeviceMemory free) => options.SharedCells is null
        ? options with { SharedCells = options.SharedCellCount > 0 || IsOnGpu(model, options, free) }
        : options;

    private static bool IsOnGpu(ModelFootprint model, LlamaCppOptions options, DeviceMemory free) =>
        free.Gpus > 0 && MemoryNeed.OffloadedLayers(model.LayerCount, options.GpuLayers, free.Gpus) == model.LayerCount;

    private static (long Host, long Gpu) Needs(ModelFootprint model, ModelFootprint? draft, LlamaCppOptions options, DeviceMemory free)
    {
        options = Lay(model, options, free);
        var need = MemoryNeed.Of(model, ContextPlan.Create(model, options), options.GpuLayers, free.Gpus);
        if (draft is null) return (need.Host.Total, need.Gpu.Total);
        var beside = NeedOfDraft(draft, options, free);
        return (need.Host.Total + beside.Host.Total, need.Gpu.Total + beside.GpuOfModel); // one process, one CUDA context
    }

    /// <summary>What a draft model takes beside a model of which all is decided.</summary>
    private static MemoryNeed NeedOfDraft(ModelFootprint draft, LlamaCppOptions options, DeviceMemory free)
    {
        var sizes = options with { DraftRows = 0, LogitsRows = 0, SharedCells = false, SharedCellCount = 0, ContextLength = Math.Min(options.ContextLength, draft.TrainedContextLength) };
        return MemoryNeed.Of(draft, ContextPlan.Create(draft, sizes), options.GpuLayers, free.Gpus);
    }

    /// <summary>Null where it cannot be used: its own load will say why.</summary>
    private static ModelFootprint? FootprintOfDraft(string path)
    {
        try
        {
            return CheckpointFile.Check(Path.GetFullPath(path));
        }
        catch (ModelLoadException)
        {
            return null;
        }
    }

    private static long Share(long bytes) => bytes / 100 * Usable;

    /// <summary>The longest context that fits, a whole number of pads or <paramref name="most"/>; 0 = none does.</summary>
    private static int Longest(int most, Func<int, bool> fits)
    {
        var pads = Largest((most + ContextPlan.Pad - 1) / ContextPlan.Pad, pads => fits(Math.Min(most, pads * ContextPlan.Pad)));
        return Math.Min(most, pads * ContextPlan.Pad);
    }

    /// <summary>The largest of 1 to <paramref name="most"/> that fits, where what is smaller fits too; 0 = none does.</summary>
    private static int Largest(int most, Func<int, bool> fits)
    {
        var (low, high) = (0, most);
        while (low < high)
        {
            var middle = low + (high - low + 1) / 2;
            if (fits(middle)) low = middle;
            else high = middle - 1;
        }

        return low;
    }
}
