using Gemma3Pocket.Model;
using static TorchSharp.torch;

namespace Gemma3Pocket.Training;

/// <summary>What a run is at the end of a step: all that the next step depends on.</summary>
internal sealed class TrainingState : IDisposable
{
    private const uint Magic = 0x31504733; // "3GP1"

    private TrainingState(Tensor weights, Tensor mean, Tensor variance)
    {
        Weights = weights;
        Mean = mean;
        Variance = variance;
    }

    /// <summary>Steps done.</summary>
    public int Step { get; set; }

    /// <summary>The step at which the decay was told to start while the run was on; null if it was not.</summary>
    public int? DecayFrom { get; set; }

    /// <summary>Seconds of training so far, over all its parts.</summary>
    public double Seconds { get; set; }

    /// <summary>Tokens seen, without padding.</summary>
    public long Tokens { get; set; }

    /// <summary>The weights in full precision, in the order of <see cref="WeightLayout"/>.</summary>
    public Tensor Weights { get; }

    /// <summary>The optimizer's running mean of the gradient.</summary>
    public Tensor Mean { get; }

    /// <summary>The optimizer's running mean of its square.</summary>
    public Tensor Variance { get; }

    /// <summary>A model that knows nothing.</summary>
    public static TrainingState Create(WeightLayout layout, ulong seed)
    {
        using var generator = new Generator(seed);
        var weights = zeros(layout.Length);
        foreach (var slot in layout.Slots.Where(slot => slot.Kind != WeightKind.Norm))
        {
            // Both keep the size of what they multiply: embeddings are scaled by the root of the width, and matrices sum over their input.
            using var values = randn([slot.Length], generator: generator);
            using var place = weights.narrow(0, slot.Offset, slot.Length);
            place.add_(values, 1 / MathF.Sqrt(slot.Width));
        }
        return new TrainingState(weights, zeros(layout.Length), zeros(layout.Length));
    }

    /// <summary>The same weights at step 0.</summary>
    public TrainingState Restarted() => new(Weights.clone(), zeros_like(Mean), zeros_like(Variance));

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <exception cref="InvalidDataException">It is something else, or of another shape.</exception>
    public static TrainingState Load(string path, WeightLayout layout)
    {
        using var reader = new BinaryReader(File.OpenRead(path));
        if (reader.ReadUInt32() != Magic)
            throw new InvalidDataException($"'{path}' is not a checkpoint of this trainer.");
        var step = reader.ReadInt32();
        var decayFrom = reader.ReadInt32();
        var seconds = reader.ReadDouble();
        var tokens = reader.ReadInt64();
        var length = reader.ReadInt32();
        if (length != layout.Length)
            throw new InvalidDataException($"'{path}' has {length} weights, and the model has {layout.Length}.");
        return new TrainingState(Read(reader, length), Read(reader, length), Read(reader, length))
        {
            Step = step,
            DecayFrom = decayFrom < 0 ? null : decayFrom,
            Seconds = seconds,
            Tokens = tokens,
        };
    }

    /// <summary>Writes it; whoever stops the process meanwhile finds the checkpoint before.</summary>
    public void Save(string path)
    {
        var unfinished = path + ".partial";
        using (var writer = new BinaryWriter(File.Create(unfinished)))
        {
            writer.Write(Magic);
            writer.Write(Step);
            writer.Write(DecayFrom ?? -1);
            writer.Write(Seconds);
            writer.Write(Tokens);
            writer.Write((int)Weights.shape[0]);
            foreach (var tensor in (ReadOnlySpan<Tensor>)[Weights, Mean, Variance])
                writer.Write(tensor.bytes);
        }
        File.Move(unfinished, path, overwrite: true);
    }

    public void Dispose()
    {
        Weights.Dispose();
        Mean.Dispose();
        Variance.Dispose();
    }

    private static Tensor Read(BinaryReader reader, int length)
    {
        var tensor = zeros(length);
        reader.BaseStream.ReadExactly(tensor.bytes);
        return tensor;
    }
}
