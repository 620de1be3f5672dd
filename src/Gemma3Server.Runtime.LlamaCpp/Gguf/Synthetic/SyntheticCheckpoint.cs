namespace Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

/// <summary>
/// Writes Gemma 3 checkpoints with random weights. Such a file has the size, the memory and the speed of the real one and loads like it.
/// </summary>
public static class SyntheticCheckpoint
{
    private const int ChunkBytes = 16 << 20;

    /// <summary>Writes a checkpoint; memory does not grow with the shape. The file appears under its name only when it is complete.</summary>
    /// <param name="shape">The dimensions, and the type of the embeddings.</param>
    /// <param name="path">Where the file goes; an existing one is replaced.</param>
    /// <param name="seed">The same seed gives the same file, to the byte, on every machine.</param>
    /// <param name="progress">Told after every chunk of about 16 MiB.</param>
    /// <param name="cancellationToken">Stops between chunks and removes what was written.</param>
    /// <exception cref="IOException">The path is a folder, or the disk is full or not writable; nothing was written.</exception>
    public static void Write(
        GemmaShape shape,
        string path,
        ulong seed = 0,
        IProgress<SyntheticCheckpointProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentException.ThrowIfNullOrEmpty(path);
        path = Path.GetFullPath(path);
        if (Directory.Exists(path) || Path.EndsInDirectorySeparator(path))
            throw new IOException("it is a folder: give the name of a file in it");
        var folder = Directory.CreateDirectory(Path.GetDirectoryName(path)!).FullName;

        // A name of its own: two processes may write the same checkpoint at the same time, and either result is right.
        var unfinished = $"{path}.{Guid.NewGuid():N}.partial";
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 1 << 16 };
        try
        {
            using (var stream = new FileStream(unfinished, options))
                WriteTo(stream, shape, seed, progress, cancellationToken, length => RequireSpace(length, new DriveInfo(folder).AvailableFreeSpace));
            File.Move(unfinished, path, overwrite: true);
        }
        catch
        {
            File.Delete(unfinished);
            throw;
        }
    }

    /// <summary>Throws where a file of <paramref name="length"/> bytes does not fit: better than after minutes, on a full disk.</summary>
    internal static void RequireSpace(long length, long free)
    {
        if (length > free) throw new IOException($"it takes {length / 1e6:N0} MB, and the disk has {free / 1e6:N0} MB left");
    }

    /// <summary>Writes a checkpoint onto a stream, which need not seek.</summary>
    /// <param name="stream">Where it goes.</param>
    /// <param name="shape">The dimensions.</param>
    /// <param name="seed">Of the weights.</param>
    /// <param name="progress">Told after every chunk.</param>
    /// <param name="cancellationToken">Stops between chunks.</param>
    /// <param name="lengthKnown">Told the length of the whole file before its first byte; may throw.</param>
    internal static void WriteTo(
        Stream stream,
        GemmaShape shape,
        ulong seed,
        IProgress<SyntheticCheckpointProgress>? progress,
        CancellationToken cancellationToken,
        Action<long>? lengthKnown = null)
    {
        var writer = new GgufWriter(stream);
        var vocabulary = SyntheticVocabulary.Create(shape.VocabularySize);
        SyntheticMetadata.Write(writer, shape, vocabulary);
        var tensors = SyntheticTensor.Of(shape, vocabulary.Layout).ToArray();
        foreach (var tensor in tensors)
        {
            if (tensor.Height == 0)
                writer.AddTensor(tensor.Name, tensor.Type, tensor.Width);
            else
                writer.AddTensor(tensor.Name, tensor.Type, tensor.Width, tensor.Height);
        }

        var total = writer.Length;
        lengthKnown?.Invoke(total);
        var written = total - tensors.Sum(tensor => tensor.ByteLength);
        using var data = new SyntheticTensorData(ChunkBytes, cancellationToken);
        for (var i = 0; i < tensors.Length; i++)
        {
            // Every tensor has a sequence of its own: a key far from the others for any two seeds.
            data.Write(writer, tensors[i], SplitMix64.At(SplitMix64.At(seed, 0), (ulong)i), length =>
            {
                written += length;
                progress?.Report(new SyntheticCheckpointProgress(written, total));
            });
        }
        writer.Complete();
    }
}
