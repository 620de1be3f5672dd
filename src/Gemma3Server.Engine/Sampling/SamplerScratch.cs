using Gemma3Server.Engine.Sampling.Simd;

namespace Gemma3Server.Engine.Sampling;

/// <summary>Working memory of one sampling thread, grown to what is needed once, so that sampling a token allocates nothing.</summary>
internal sealed class SamplerScratch(RowPasses? passes = null)
{
    private float[] _maxima = [];
    private float[] _sums = [];
    private float[] _references = [];
    private float[] _moments = [];
    private ulong[] _keys = [];
    private ulong[] _order = [];
    private double[] _weights = [];
    private float[] _masked = [];
    private int[] _noPatches = [];

    /// <summary>How rows are read: as wide as the processor can, unless a test asks for another width.</summary>
    public RowPasses Passes { get; } = passes ?? RowPasses.Best;

    /// <summary>Changed blocks of the row that is being sampled.</summary>
    public LogitPatches Patches { get; } = new();

    /// <summary>The largest logit of each block.</summary>
    public Span<float> Maxima(int blocks) => Grow(ref _maxima, blocks);

    /// <summary>Sums of weights by block.</summary>
    public Span<float> Sums(int blocks) => Grow(ref _sums, blocks);

    /// <summary>The weights of the logits that the sums of the blocks refer to.</summary>
    public Span<float> References(int blocks) => Grow(ref _references, blocks);

    /// <summary>Weighted logits by block.</summary>
    public Span<float> Moments(int blocks) => Grow(ref _moments, blocks);

    /// <summary>Keys of the candidates (<see cref="LogitKey"/>).</summary>
    public Span<ulong> Keys(int length) => Grow(ref _keys, length);

    /// <summary>Keys of the block maxima, to be reordered.</summary>
    public Span<ulong> Order(int length) => Grow(ref _order, length);

    /// <summary>Unnormalised probabilities of candidates.</summary>
    public Span<double> Weights(int length) => Grow(ref _weights, length);

    /// <summary>A copy of a row in which some logits are ruled out.</summary>
    public Span<float> Masked(int length) => Grow(ref _masked, length);

    /// <summary>The slots of a row without changed blocks.</summary>
    public ReadOnlySpan<int> NoPatches(int blocks)
    {
        var slots = Grow(ref _noPatches, blocks);
        slots.Fill(-1);
        return slots;
    }

    private static Span<T> Grow<T>(ref T[] array, int length)
    {
        if (array.Length < length) array = GC.AllocateUninitializedArray<T>(length);
        return array.AsSpan(0, length);
    }
}
