namespace Gemma3Server.Runtime.LlamaCpp.Gguf;

/// <summary>Where and how a tensor is stored.</summary>
/// <param name="Name">Its name, unique in the file.</param>
/// <param name="Type">How its elements are stored.</param>
/// <param name="Dimensions">One to four lengths, the fastest-running first.</param>
/// <param name="Offset">First byte, counted from the start of the file.</param>
/// <param name="ByteLength">Bytes without padding.</param>
public sealed record GgufTensor(string Name, GgmlType Type, IReadOnlyList<long> Dimensions, long Offset, long ByteLength)
{
    /// <summary>Number of elements.</summary>
    public long ElementCount => Dimensions.Aggregate(1L, (product, dimension) => product * dimension);
}
