using Gemma3Server.Hosting;
using Gemma3Server.Runtime;
using Gemma3Server.Runtime.LlamaCpp.Planning;

namespace Gemma3Server.Planning;

/// <summary>Answers what fits: each model that is asked for on each machine that is asked for.</summary>
/// <remarks>Thread-safe. The figures are the load's own (<see cref="MemoryPlanner"/>); here are only the questions.</remarks>
/// <param name="options">The settings, which decide what a wish leaves open.</param>
/// <param name="detect">What this machine has free now.</param>
internal sealed class CapacityPlanner(Gemma3ServerOptions options, Func<DeviceMemory> detect)
{
    /// <summary>Tokens of a conversation for which the most users are counted, unless others are asked for.</summary>
    private const int UsualContext = 8192;

    /// <exception cref="PlanFault">A wish cannot be planned.</exception>
    /// <exception cref="ModelLoadException">The native library, which knows this machine's GPUs, cannot be loaded.</exception>
    public PlanReport Plan(PlanWishes wishes)
    {
        var subjects = wishes is { Model: null, Shape: null } ? PlanSubject.All(options, wishes.Source) : [PlanSubject.Find(options, wishes)];
        if (subjects.Count == 0) throw new PlanFault("source", $"'{wishes.Source}' is none of the catalog");
        var machines = Machines(wishes);
        return new([.. subjects.Select(subject => Plan(subject, wishes, machines))]);
    }

    private List<(string Name, DeviceMemory Free)> Machines(PlanWishes wishes)
    {
        if (wishes.Detect)
        {
            var here = detect();
            if (wishes.HostBytes is { } host) here = here with { HostFree = host };
            if (wishes.GpuBytes is { } gpu) here = here with { GpuFree = gpu, Gpus = Math.Max(1, here.Gpus) };
            return [(here.Gpus > 0 ? "this machine" : "this machine, without a GPU", here)];
        }

        IEnumerable<long> cards = wishes.GpuBytes is { } bytes ? [bytes] : Bandwidths.Cards.Select(card => (long)card.Gigabytes << 30);
        return [.. cards.Select(size => (PlanText.Card(size), new DeviceMemory(wishes.HostBytes ?? long.MaxValue, size, 1)))];
    }

    private ModelPlan Plan(PlanSubject subject, PlanWishes wishes, List<(string Name, DeviceMemory Free)> machines)
    {
        var model = wishes.Images ? subject.Footprint with { ProjectorBytes = subject.Footprint.PublishedProjectorBytes } : subject.Footprint;
        var draft = subject.FindDraft(options, wishes);
        var trained = model.TrainedContextLength;
        if (wishes.Context is { } asked && asked > trained && (wishes.Model ?? wishes.Shape) is not null)
            throw new PlanFault("context", $"must be at most {trained}, which '{subject.Name}' was trained for, but is {asked}");

        var configured = subject.Runtime ?? options.Runtime;
        var sizes = configured with
        {
            Parallel = wishes.Users ?? configured.Parallel,
            ContextLength = Math.Min(wishes.Context ?? configured.ContextLength, trained),
            KeyCacheType = wishes.Kv ?? configured.KeyCacheType,
            ValueCacheType = wishes.Kv ?? configured.ValueCacheType,
        };
        try
        {
            return new()
            {
                Model = subject.Name,
                Source = subject.Source,
                Here = subject.Here,
                WeightBytes = model.WeightBytes,
                TrainedContextLength = trained,
                Kv = sizes.KeyCacheType == sizes.ValueCacheType ? sizes.KeyCacheType : $"{sizes.KeyCacheType}, {sizes.ValueCacheType}",
                Devices = [.. machines.Select(machine => Plan(model, draft, options with { Runtime = sizes }, wishes, machine.Name, machine.Free))],
            };
        }
        catch (ModelLoadException exception)
        {
            throw new PlanFault("kv", $"and the other settings cannot be planned for '{subject.Name}': {exception.Message.TrimEnd('.')}");
        }
    }

    private static DevicePlan Plan(ModelFootprint model, ModelFootprint? draft, Gemma3ServerOptions settings, PlanWishes wishes, string name, DeviceMemory free)
    {
        var plan = CompositionRoot.Plan(model, draft, settings, free);
        var decided = settings.Runtime with { Parallel = plan.Sequences, ContextLength = plan.ContextLength, GpuLayers = plan.GpuLayers };
        var usual = Math.Min(wishes.Context ?? UsualContext, model.TrainedContextLength);
        var host = free.HostFree == long.MaxValue ? (long?)null : free.HostFree;
        var gpu = free.Gpus > 0 ? free.GpuFree : (long?)null;
        var (gpuRate, hostRate) = (wishes.GpuBandwidth ?? Bandwidths.OfGpu(free.GpuFree), wishes.HostBandwidth ?? Bandwidths.Host);
        var (gpuBytes, hostBytes) = BytesOfAToken(plan, model);
        var seconds = gpuBytes / gpuRate / 1e9 + hostBytes / hostRate / 1e9;
        var secondsOnGpu = (gpuBytes + hostBytes) / gpuRate / 1e9;
        var shortage = plan.Shortage ?? (plan.FitsDraft ? null : "It fits, but not its draft model beside it: lower the context length or the number of sequences, or choose a smaller draft model.");
        return new()
        {
            Device = name,
            GpuBytes = gpu,
            HostBytes = host,
            Fits = shortage is null,
            Shortage = shortage,
            GpuLayers = plan.OffloadedLayers,
            Layers = plan.LayerCount,
            Users = plan.Sequences,
            ContextLength = plan.ContextLength,
            LargestContext = CompositionRoot.LargestContext(model, draft, settings with { Runtime = decided }, free),
            MostUsers = CompositionRoot.MostSequences(model, draft, settings with { Runtime = decided with { ContextLength = usual } }, free),
            MostUsersContext = usual,
            Gpu = gpu is null ? null : MemoryUse.Of(plan.Need.Gpu, plan.Draft?.GpuOfModel, gpu),
            Host = MemoryUse.Of(plan.Need.Host, plan.Draft?.Host.Total, host),
            GpuBandwidth = gpu is null ? null : gpuRate,
            HostBandwidth = hostRate,
            MostTokensPerSecond = Math.Round(1 / seconds, 1),
            Slowdown = gpu is null ? 1 : Math.Round(Math.Max(1, seconds / secondsOnGpu), 2),
        };
    }

    /// <summary>What one stream reads for a token: the weights, the output matrix where it is computed, and the KV of its conversation when full.</summary>
    private static (double Gpu, double Host) BytesOfAToken(MemoryPlan plan, ModelFootprint model)
    {
        var (gpu, host) = (plan.Need.Gpu, plan.Need.Host);
        var outputOnGpu = gpu.TokenEmbeddings > 0 || model.OutputBytes > 0 && plan.GpuLayers > 0;
        return (
            gpu.Weights + gpu.TokenEmbeddings + (double)gpu.Kv / plan.Sequences,
            host.Weights + (outputOnGpu || model.OutputBytes > 0 ? 0 : host.TokenEmbeddings) + (double)host.Kv / plan.Sequences);
    }
}
