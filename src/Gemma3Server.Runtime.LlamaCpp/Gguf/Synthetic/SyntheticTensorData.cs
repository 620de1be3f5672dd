using System.Buffers;

namespace Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

/// <summary>Computes tensors chunk by chunk on all cores while the chunk before is being written.</summary>
internal sealed class SyntheticTensorData : IDisposable
{
    private const int SliceRows = 64;
    private readonly int _chunkBytes;
    private readonly ParallelOptions _parallel;
    private byte[] _filling;
    private byte[] _writing;
    private Task _write = Task.CompletedTask;

    public SyntheticTensorData(int chunkBytes, CancellationToken cancellationToken)
    {
        _chunkBytes = chunkBytes;
        _parallel = new ParallelOptions { CancellationToken = cancellationToken };
        _filling = ArrayPool<byte>.Shared.Rent(chunkBytes);
        _writing = ArrayPool<byte>.Shared.Rent(chunkBytes);
    }

    /// <summary>Computes a tensor and hands it to the writer; the last chunk is written when this returns.</summary>
    public void Write(GgufWriter writer, SyntheticTensor tensor, ulong key, Action<int> written)
    {
        var rows = Math.Max(tensor.Height, 1);
        var rowBytes = (int)tensor.Type.ByteLength(tensor.Width);
        var chunkRows = Math.Max(1, _chunkBytes / rowBytes);
        for (var row = 0; row < rows; row += chunkRows)
        {
            var count = Math.Min(chunkRows, rows - row);
            Fill(tensor, key, row, count, rowBytes);
            _write.GetAwaiter().GetResult();
            (_filling, _writing) = (_writing, _filling);
            var length = count * rowBytes;
            _write = Task.Run(() =>
            {
                writer.WriteTensorData(_writing.AsSpan(0, length));
                written(length);
            });
        }
        _write.GetAwaiter().GetResult();
    }

    public void Dispose()
    {
        // After a cancellation the last chunk may still be on its way to the stream, which the caller is about to close.
        _write.ContinueWith(static _ => { }, TaskScheduler.Default).Wait();
        ArrayPool<byte>.Shared.Return(_filling);
        ArrayPool<byte>.Shared.Return(_writing);
    }

    private void Fill(SyntheticTensor tensor, ulong key, int firstRow, int count, int rowBytes)
    {
        _parallel.CancellationToken.ThrowIfCancellationRequested();
        if (tensor.Type == GgmlType.F32)
        {
            RandomBlocks.FillNorm(_filling.AsSpan(0, rowBytes), key, tensor.Level, tensor.HasRandomSigns);
            return;
        }
        var rowBlocks = tensor.Width / tensor.Type.BlockLength();
        var buffer = _filling;
        Parallel.For(0, (count + SliceRows - 1) / SliceRows, _parallel, slice =>
        {
            var end = Math.Min(count, (slice + 1) * SliceRows);
            for (var i = slice * SliceRows; i < end; i++)
            {
                var row = firstRow + i;
                var quiet = row < tensor.QuietRows.First || row >= tensor.Height - tensor.QuietRows.Last;
                var level = quiet ? tensor.Level * SyntheticTensor.QuietShare : tensor.Level;
                RandomBlocks.Fill(buffer.AsSpan(i * rowBytes, rowBytes), tensor.Type, key, (long)row * rowBlocks, level);
            }
        });
    }
}
