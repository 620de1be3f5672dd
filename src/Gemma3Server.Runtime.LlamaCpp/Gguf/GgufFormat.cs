namespace Gemma3Server.Runtime.LlamaCpp.Gguf;

/// <summary>Constants of the GGUF file format, version 3, little endian.</summary>
internal static class GgufFormat
{
    public const uint Magic = 0x46554747; // "GGUF"
    public const uint Version = 3;
    public const int DefaultAlignment = 32;
    public const int MaxDimensions = 4;

    /// <summary>ggml keeps a tensor's name in 64 bytes with the terminating zero.</summary>
    public const int MaxTensorNameBytes = 63;

    // What a header may hold at most: far beyond any real model, and small enough that a hostile file costs neither memory nor time.
    public const int MaxEntries = 1 << 16;
    public const int MaxKeyBytes = (1 << 16) - 1;
    public const int MaxTextBytes = 16 << 20;
    public const int MaxArrayLength = 1 << 24;
    public const int MaxAlignment = 1 << 20;

    public const string AlignmentKey = "general.alignment";

    public static long Align(long value, long alignment) => checked(value + alignment - 1) & ~(alignment - 1);

    /// <summary>Bytes of one value; 0 where the length varies.</summary>
    public static int SizeOf(GgufValueType type) => type switch
    {
        GgufValueType.UInt8 or GgufValueType.Int8 or GgufValueType.Bool => 1,
        GgufValueType.UInt16 or GgufValueType.Int16 => 2,
        GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 => 4,
        GgufValueType.UInt64 or GgufValueType.Int64 or GgufValueType.Float64 => 8,
        _ => 0,
    };
}
