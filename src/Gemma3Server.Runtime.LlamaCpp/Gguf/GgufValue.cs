using System.Globalization;

namespace Gemma3Server.Runtime.LlamaCpp.Gguf;

/// <summary>One metadata value. Arrays stay in the file until they are asked for (<see cref="GgufFile.ReadTexts"/> and its like).</summary>
public sealed class GgufValue
{
    private readonly ulong _bits;
    private readonly string? _text;

    private GgufValue(GgufValueType type, GgufValueType elementType, int count, long offset, ulong bits, string? text)
    {
        Type = type;
        ElementType = elementType;
        Count = count;
        Offset = offset;
        _bits = bits;
        _text = text;
    }

    /// <summary>Type of the value.</summary>
    public GgufValueType Type { get; }

    /// <summary>Type of an array's elements; equal to <see cref="Type"/> otherwise.</summary>
    public GgufValueType ElementType { get; }

    /// <summary>Number of an array's elements; 1 otherwise.</summary>
    public int Count { get; }

    /// <summary>Whether it is an array.</summary>
    public bool IsArray => Type == GgufValueType.Array;

    /// <summary>Where an array's elements start in the file.</summary>
    internal long Offset { get; }

    /// <summary>The bits of a number or truth value.</summary>
    internal ulong Bits => _bits;

    /// <summary>The text, if it is one.</summary>
    public string? AsText() => _text;

    /// <summary>The truth value, if it is one.</summary>
    public bool? AsBool() => Type == GgufValueType.Bool ? _bits != 0 : null;

    /// <summary>The number, if it is a whole one of any width that fits.</summary>
    public long? AsInteger() => Type switch
    {
        GgufValueType.UInt8 or GgufValueType.UInt16 or GgufValueType.UInt32 => (long)_bits,
        GgufValueType.UInt64 => _bits <= long.MaxValue ? (long)_bits : null,
        GgufValueType.Int8 => (sbyte)_bits,
        GgufValueType.Int16 => (short)_bits,
        GgufValueType.Int32 => (int)_bits,
        GgufValueType.Int64 => (long)_bits,
        _ => null,
    };

    /// <summary>The number, if it is one of any type.</summary>
    public double? AsNumber() => Type switch
    {
        GgufValueType.Float32 => BitConverter.UInt32BitsToSingle((uint)_bits),
        GgufValueType.Float64 => BitConverter.UInt64BitsToDouble(_bits),
        GgufValueType.UInt64 => _bits,
        _ => AsInteger(),
    };

    /// <inheritdoc/>
    public override string ToString() => Type switch
    {
        GgufValueType.Array => string.Create(CultureInfo.InvariantCulture, $"{Count} x {ElementType}"),
        GgufValueType.String => _text!,
        GgufValueType.Bool => _bits != 0 ? "true" : "false",
        _ => AsNumber()!.Value.ToString(CultureInfo.InvariantCulture),
    };

    internal static GgufValue OfText(string text) => new(GgufValueType.String, GgufValueType.String, 1, 0, 0, text);

    internal static GgufValue OfBits(GgufValueType type, ulong bits) => new(type, type, 1, 0, bits, null);

    internal static GgufValue OfArray(GgufValueType elementType, int count, long offset) =>
        new(GgufValueType.Array, elementType, count, offset, 0, null);
}
