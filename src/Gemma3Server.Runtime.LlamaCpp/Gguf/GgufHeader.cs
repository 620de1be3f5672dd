namespace Gemma3Server.Runtime.LlamaCpp.Gguf;

/// <summary>Everything before the tensor data.</summary>
/// <remarks>Order of the file: magic, version, tensor count, value count; the values; the tensors; padding; the data.</remarks>
internal sealed record GgufHeader(
    int Alignment, long DataOffset, IReadOnlyDictionary<string, GgufValue> Metadata, IReadOnlyList<GgufTensor> Tensors)
{
    public static GgufHeader Read(GgufReader reader)
    {
        // 1. Fixed part.
        if (reader.ReadUInt32("the magic number") != GgufFormat.Magic)
            throw reader.Error("it does not start with 'GGUF'");
        var version = reader.ReadUInt32("the version");
        if (version != GgufFormat.Version)
            throw reader.Error($"its version is {version}, and only version {GgufFormat.Version} (little endian) is read");
        var tensorCount = reader.ReadCount(leastBytes: 33, GgufFormat.MaxEntries, "the number of tensors");
        var valueCount = reader.ReadCount(leastBytes: 14, GgufFormat.MaxEntries, "the number of metadata values");

        // 2. Metadata.
        var metadata = new Dictionary<string, GgufValue>(StringComparer.Ordinal);
        long textBytes = 0;
        for (var i = 0; i < valueCount; i++)
        {
            var key = reader.ReadText(GgufFormat.MaxKeyBytes, "a metadata key");
            if (key.Length == 0)
                throw reader.Error($"metadata value {i} has an empty key");
            if (!metadata.TryAdd(key, ReadValue(reader, key)))
                throw reader.Error($"key {Quote(key)} is there twice");
            textBytes += key.Length + (metadata[key].AsText()?.Length ?? 0);
            if (textBytes > GgufFormat.MaxTextBytes)
                throw reader.Error($"its metadata hold more than {GgufFormat.MaxTextBytes} characters of text");
        }
        var alignment = ReadAlignment(reader, metadata);

        // 3. Tensors: their declarations, then, with the start of the data known, their places.
        var tensors = new List<GgufTensor>(tensorCount);
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < tensorCount; i++)
        {
            var tensor = ReadTensor(reader, i);
            if (!names.Add(tensor.Name))
                throw reader.Error($"tensor {Quote(tensor.Name)} is there twice");
            tensors.Add(tensor);
        }
        var dataOffset = GgufFormat.Align(reader.Position, alignment);
        for (var i = 0; i < tensors.Count; i++)
            tensors[i] = Place(reader, tensors[i], dataOffset, alignment);
        CheckOverlap(reader, tensors);
        return new GgufHeader(alignment, dataOffset, metadata, tensors);
    }

    private static GgufValue ReadValue(GgufReader reader, string key)
    {
        var type = (GgufValueType)reader.ReadUInt32("a value's type");
        switch (type)
        {
            case GgufValueType.String:
                return GgufValue.OfText(reader.ReadText(GgufFormat.MaxTextBytes, $"the text of {Quote(key)}"));
            case GgufValueType.Array:
                return ReadArray(reader, key);
            default:
                var size = GgufFormat.SizeOf(type);
                if (size == 0)
                    throw reader.Error($"key {Quote(key)} has the unknown type {(uint)type}");
                return GgufValue.OfBits(type, reader.ReadBits(size, $"the value of {Quote(key)}"));
        }
    }

    private static GgufValue ReadArray(GgufReader reader, string key)
    {
        var what = $"the array {Quote(key)}";
        var type = (GgufValueType)reader.ReadUInt32(what);
        var size = GgufFormat.SizeOf(type);
        if (size == 0 && type != GgufValueType.String)
            throw reader.Error($"{what} has elements of the unsupported type {(uint)type}");
        var count = reader.ReadCount(size == 0 ? 8 : size, GgufFormat.MaxArrayLength, $"the length of {what}");
        var offset = reader.Position;
        if (type == GgufValueType.String)
        {
            for (var i = 0; i < count; i++)
                reader.SkipText(GgufFormat.MaxKeyBytes, what);
        }
        else
        {
            reader.Skip((long)count * size, what);
        }
        return GgufValue.OfArray(type, count, offset);
    }

    private static int ReadAlignment(GgufReader reader, Dictionary<string, GgufValue> metadata)
    {
        if (!metadata.TryGetValue(GgufFormat.AlignmentKey, out var value))
            return GgufFormat.DefaultAlignment;
        if (value.Type != GgufValueType.UInt32 || value.AsInteger() is not (> 0 and <= GgufFormat.MaxAlignment) || !long.IsPow2(value.AsInteger()!.Value))
            throw reader.Error($"{GgufFormat.AlignmentKey} is {Shorten(value.ToString())}, not a power of two up to {GgufFormat.MaxAlignment}");
        return (int)value.AsInteger()!.Value;
    }

    /// <summary>Reads a declaration; its offset is still relative to the start of the data.</summary>
    private static GgufTensor ReadTensor(GgufReader reader, int index)
    {
        var name = reader.ReadText(GgufFormat.MaxTensorNameBytes, $"the name of tensor {index}");
        var what = $"tensor {Quote(name)}";
        var count = reader.ReadUInt32(what);
        if (count is 0 or > GgufFormat.MaxDimensions)
            throw reader.Error($"{what} has {count} dimensions, and 1 to {GgufFormat.MaxDimensions} are possible");
        var dimensions = new long[count];
        Int128 elements = 1;
        for (var i = 0; i < dimensions.Length; i++)
        {
            dimensions[i] = (long)reader.ReadUInt64(what);
            if (dimensions[i] <= 0 || (elements *= dimensions[i]) > long.MaxValue)
                throw reader.Error($"{what} has an impossible size: [{string.Join(", ", dimensions.Take(i + 1))}]");
        }
        var type = (GgmlType)reader.ReadUInt32(what);
        if (!type.IsKnown())
            throw reader.Error($"{what} has the unknown type {(uint)type}");
        if (dimensions[0] % type.BlockLength() != 0)
            throw reader.Error($"{what} has rows of {dimensions[0]} weights, which are not whole blocks of {type.BlockLength()} ({type})");
        var bytes = elements / type.BlockLength() * type.BlockBytes();
        var offset = reader.ReadUInt64(what);
        if (bytes > reader.Length || offset > (ulong)reader.Length)
            throw OutOfFile(reader, name, bytes + offset);
        return new GgufTensor(name, type, dimensions, (long)offset, (long)bytes);
    }

    private static GgufTensor Place(GgufReader reader, GgufTensor tensor, long dataOffset, int alignment)
    {
        if (tensor.Offset % alignment != 0)
            throw reader.Error($"tensor {Quote(tensor.Name)} starts at {tensor.Offset}, which is not a multiple of {alignment}");
        var offset = dataOffset + tensor.Offset;
        if (offset + tensor.ByteLength > reader.Length)
            throw OutOfFile(reader, tensor.Name, offset + tensor.ByteLength);
        return tensor with { Offset = offset };
    }

    private static void CheckOverlap(GgufReader reader, List<GgufTensor> tensors)
    {
        GgufTensor? before = null;
        foreach (var tensor in tensors.OrderBy(tensor => tensor.Offset))
        {
            if (before is not null && tensor.Offset < before.Offset + before.ByteLength)
                throw reader.Error($"tensors {Quote(before.Name)} and {Quote(tensor.Name)} overlap at byte {tensor.Offset}");
            before = tensor;
        }
    }

    private static GgufException OutOfFile(GgufReader reader, string tensor, Int128 end) =>
        reader.Error($"tensor {Quote(tensor)} ends at byte {end}, and the file has {reader.Length} (truncated?)");

    /// <summary>A name from the file, made fit for one line of a message.</summary>
    private static string Quote(string name) => $"'{Shorten(name)}'";

    private static string Shorten(string text) =>
        string.Concat((text.Length > 80 ? string.Concat(text.AsSpan(0, 80), "...") : text).Select(c => char.IsControl(c) ? '?' : c));
}
