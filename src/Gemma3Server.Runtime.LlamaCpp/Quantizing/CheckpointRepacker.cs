using System.Numerics.Tensors;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Gemma3Server.Runtime.LlamaCpp.Gguf;
using Gemma3Server.Runtime.LlamaCpp.Gguf.Inspection;
using Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;
using Gemma3Server.Runtime.LlamaCpp.Interop;
using Gemma3Server.Runtime.LlamaCpp.Loading;
using Microsoft.Extensions.Logging;

namespace Gemma3Server.Runtime.LlamaCpp.Quantizing;

/// <summary>
/// Copies a quantized checkpoint with its token embeddings quantized too, and its tokenizer's faults corrected. All other tensors stay what
/// they are to the byte, so that what quantization-aware training gave is kept.
/// </summary>
/// <remarks>Memory is constant: some rows at a time. The embeddings are encoded by the library's own encoder.</remarks>
public static class CheckpointRepacker
{
    private const string Embeddings = "token_embd.weight";
    private const string TokenTypes = "tokenizer.ggml.token_type";
    private const string EndOfTurn = "tokenizer.ggml.eot_token_id";
    private const int PieceBytes = 16 << 20;

    /// <summary>Repacks; the file appears under its name only when it is complete.</summary>
    /// <param name="options">What and where.</param>
    /// <param name="loggers">Receives the library's log.</param>
    /// <param name="progress">Told the share of the file that is written, 0 to 1.</param>
    /// <param name="cancellationToken">Stops between pieces and removes what was written.</param>
    /// <exception cref="ModelLoadException">The source cannot be repacked; one line that says why.</exception>
    /// <exception cref="IOException">The target cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static RepackResult Run(RepackOptions options, ILoggerFactory loggers, Action<double>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(loggers);
        var source = Path.GetFullPath(options.SourcePath);
        CheckpointFile.Check(source);
        var file = GgufFile.Open(source);
        var embeddings = Check(file, options);
        var target = TargetPath.Check(options.TargetPath, source, options.Overwrite);
        NativeLibraryLoader.Load(options.LibraryDirectory, loggers);

        var unfinished = $"{target}.{Guid.NewGuid():N}.partial";
        try
        {
            RepackResult result;
            using (var stream = new FileStream(unfinished, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 1 << 16 }))
            {
                var writer = new GgufWriter(stream, file.Alignment);
                var (corrected, named) = CopyMetadata(file, writer);
                foreach (var tensor in file.Tensors) writer.AddTensor(tensor.Name, TypeOf(tensor), [.. tensor.Dimensions]);
                SyntheticCheckpoint.RequireSpace(writer.Length, new DriveInfo(Path.GetDirectoryName(target)!).AvailableFreeSpace);
                foreach (var tensor in file.Tensors) Write(writer, tensor, stream);
                writer.Complete();
                result = new(file.Length, writer.Length, corrected, named);
            }

            File.Move(unfinished, target, options.Overwrite);
            return result;
        }
        catch
        {
            File.Delete(unfinished);
            throw;
        }

        GgmlType TypeOf(GgufTensor tensor) => tensor == embeddings ? options.EmbeddingType : tensor.Type;

        void Write(GgufWriter writer, GgufTensor tensor, FileStream stream)
        {
            // Whole rows of the embeddings; of other tensors any piece.
            var row = tensor == embeddings ? tensor.Type.ByteLength(tensor.Dimensions[0]) : 1;
            var buffer = new byte[Math.Min(tensor.ByteLength, Math.Max(row, PieceBytes / row * row))];
            for (long done = 0; done < tensor.ByteLength;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var piece = buffer.AsMemory(0, (int)Math.Min(buffer.Length, tensor.ByteLength - done));
                file.ReadTensorData(tensor, done, piece.Span);
                writer.WriteTensorData(tensor == embeddings ? Encode(piece, tensor, options.EmbeddingType) : piece.Span);
                done += piece.Length;
                progress?.Invoke((double)stream.Position / writer.Length);
            }
        }
    }

    /// <exception cref="ModelLoadException">There is nothing to repack, or it cannot be.</exception>
    private static GgufTensor Check(GgufFile file, RepackOptions options)
    {
        if (options.EmbeddingType is not (GgmlType.Q8_0 or GgmlType.Q6_K)) throw new ArgumentException($"Type {options.EmbeddingType} is not Q8_0 or Q6_K.", nameof(options));
        if (file.Split is not null) throw Refusal(file, "it is one of several parts: merge them first");
        if (!file.TryGetTensor(Embeddings, out var embeddings)) throw Refusal(file, $"it has no {Embeddings}");
        if (embeddings.Type is not (GgmlType.F32 or GgmlType.F16 or GgmlType.BF16) && embeddings.Type != options.EmbeddingType)
            throw Refusal(file, $"its embeddings are {embeddings.Type} already, and the losses would add up");
        if (embeddings.Dimensions[0] % options.EmbeddingType.BlockLength() != 0)
        {
            throw Refusal(file, $"{options.EmbeddingType} needs rows of a multiple of {options.EmbeddingType.BlockLength()}, and its embeddings have "
                + $"{embeddings.Dimensions[0]}: take q8_0");
        }

        return embeddings;
    }

    private static (int Corrected, bool Named) CopyMetadata(GgufFile file, GgufWriter writer)
    {
        var tokens = file.ReadTexts("tokenizer.ggml.tokens")!;
        var types = file.ReadIntegers(TokenTypes);
        var wrong = types is null ? [] : CheckpointDoctor.WrongTypes(tokens, types);
        foreach (var (id, type) in wrong) types![id] = (int)type;
        file.CopyMetadata(writer, except: wrong.Count > 0 ? TokenTypes : null);
        if (wrong.Count > 0) writer.Add(TokenTypes, types!);
        if (CheckpointDoctor.UnnamedEndOfTurn(file, tokens) is not { } endOfTurn || file.Metadata.ContainsKey(EndOfTurn)) return (wrong.Count, false);
        writer.Add(EndOfTurn, (uint)endOfTurn);
        return (wrong.Count, true);
    }

    private static ReadOnlySpan<byte> Encode(ReadOnlyMemory<byte> rows, GgufTensor tensor, GgmlType type)
    {
        if (tensor.Type == type) return rows.Span;
        var width = (int)tensor.Dimensions[0];
        var count = (int)(rows.Length / tensor.Type.ByteLength(width));
        var (sourceRow, targetRow) = ((int)tensor.Type.ByteLength(width), (int)type.ByteLength(width));
        var encoded = new byte[count * targetRow];
        try
        {
            Parallel.For(0, count, () => new float[width], (row, _, weights) =>
            {
                Decode(rows.Span.Slice(row * sourceRow, sourceRow), tensor.Type, weights);
                EncodeRow(weights, encoded.AsSpan(row * targetRow, targetRow), type);
                return weights;
            }, static _ => { });
        }
        catch (AggregateException exception) when (exception.InnerException is ModelLoadException fault)
        {
            ExceptionDispatchInfo.Throw(fault);
        }

        return encoded;
    }

    private static void Decode(ReadOnlySpan<byte> bytes, GgmlType type, Span<float> weights)
    {
        switch (type)
        {
            case GgmlType.F32:
                MemoryMarshal.Cast<byte, float>(bytes).CopyTo(weights);
                break;
            case GgmlType.F16:
                TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(bytes), weights);
                break;
            default:
                var halves = MemoryMarshal.Cast<byte, ushort>(bytes); // BF16: the upper half of a float
                for (var i = 0; i < halves.Length; i++) weights[i] = BitConverter.UInt32BitsToSingle((uint)halves[i] << 16);
                break;
        }

        // The library's encoder asserts nothing here, but would write blocks of garbage.
        if (!TensorPrimitives.IsFiniteAll<float>(weights)) throw new ModelLoadException("The token embeddings hold numbers that are not finite: download the file again.");
    }

    private static unsafe void EncodeRow(ReadOnlySpan<float> weights, Span<byte> target, GgmlType type)
    {
        fixed (float* source = weights)
        fixed (byte* destination = target)
        {
            var written = GgmlBaseNative.ggml_quantize_chunk(type, source, destination, 0, 1, weights.Length, null);
            if ((int)written != target.Length) throw new ModelLoadException($"llama.cpp wrote {written} bytes for a row of {target.Length} ({type}).");
        }
    }

    private static ModelLoadException Refusal(GgufFile file, string reason) => new($"'{file.Path}' cannot be repacked: {reason}.");
}
