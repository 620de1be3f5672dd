namespace Gemma3Server.Engine.Sampling;

/// <summary>Working memory of one sampling thread, grown to what is needed once, so that sampling a token allocates nothing.</summary>
internal sealed class SamplerScratch
{
    private float[] _row = [];
    private ulong[] _keys = [];
    private ulong[] _blocks = [];
    private ulong[] _order = [];
    private double[] _weights = [];

    /// <summary>A copy of the logits, for requests that change them.</summary>
    public Span<float> Row(int length) => Grow(ref _row, length);

    /// <summary>Keys of the candidates (<see cref="LogitKey"/>).</summary>
    public Span<ulong> Keys(int length) => Grow(ref _keys, length);

    /// <summary>Keys of the block maxima, by block.</summary>
    public Span<ulong> Blocks(int length) => Grow(ref _blocks, length);

    /// <summary>A second copy of the block maxima, to be reordered.</summary>
    public Span<ulong> Order(int length) => Grow(ref _order, length);

    /// <summary>Unnormalised probabilities.</summary>
    public Span<double> Weights(int length) => Grow(ref _weights, length);

    private static Span<T> Grow<T>(ref T[] array, int length)
    {
        if (array.Length < length) array = GC.AllocateUninitializedArray<T>(length);
        return array.AsSpan(0, length);
    }
}
