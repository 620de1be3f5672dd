namespace Gemma3Server.Runtime;

/// <summary>
/// One loaded model with one KV memory: it runs rows through the model, hands out logits, and keeps, shares and drops KV.
/// Everything a user would call a feature (batching, caching, sampling, grammar, stop strings) is written once, above this seam.
/// </summary>
/// <remarks>
/// <para><b>Threading.</b> Only one thread, the engine loop, calls the members of this interface. <see cref="Tokenizer"/> and
/// <see cref="Media"/> are the exception: they are thread-safe and run on request threads.</para>
/// <para><b>No abort.</b> A native assert ends the process and cannot be caught. An implementation therefore checks every argument first
/// and answers with a status, <see langword="false"/> or 0; it never lets a call reach a native assert.</para>
/// <para><b>Length.</b> Each sequence id has a length: the number of positions it holds, 0 when released. Row positions of one sequence
/// must continue at that length without a gap.</para>
/// </remarks>
public interface IModelRuntime : IDisposable
{
    /// <summary>Facts about the loaded checkpoint.</summary>
    ModelInfo Model { get; }

    /// <summary>Bounds that callers must respect, as the runtime really got them (after padding), not as they were asked for.</summary>
    RuntimeLimits Limits { get; }

    /// <summary>The checkpoint's tokenizer; thread-safe.</summary>
    ITokenizer Tokenizer { get; }

    /// <summary>The image encoder, or <see langword="null"/> for a text-only checkpoint; thread-safe.</summary>
    IMediaProcessor? Media { get; }

    /// <summary>
    /// Runs text rows of any number of sequences through the model, all or nothing: on a status other than
    /// <see cref="ForwardStatus.Ok"/>, re-read <see cref="Length"/> of every sequence in the batch.
    /// </summary>
    /// <param name="batch">At most <see cref="RuntimeLimits.MaxBatchTokens"/> rows; the rows of one sequence are in position order.</param>
    ForwardStatus Forward(ForwardBatch batch);

    /// <summary>
    /// Runs one image through the model at <paramref name="position"/>, atomically: its rows attend to each other in both directions,
    /// so they can be neither mixed with other rows nor chunked.
    /// </summary>
    ForwardStatus ForwardMedia(int sequence, int position, MediaInput input);

    /// <summary>
    /// The logits that row <paramref name="row"/> of the last <see cref="Forward"/> produced; length = vocabulary size.
    /// Empty when that row did not ask for logits or the last forward failed. Valid until the next forward call.
    /// </summary>
    ReadOnlySpan<float> Logits(int row);

    /// <summary>The number of positions sequence <paramref name="sequence"/> holds; 0 for an unused or unknown id.</summary>
    int Length(int sequence);

    /// <summary>
    /// Cuts a sequence back to <paramref name="length"/> positions and returns the length really kept. A sliding-window layer may have lost
    /// the positions before the cut: then the result is 0, the sequence is empty, and the caller computes it anew.
    /// </summary>
    int Rewind(int sequence, int length);

    /// <summary>
    /// Makes <paramref name="to"/> (empty) share the first <paramref name="length"/> positions of <paramref name="from"/> without computing
    /// them. False = cannot, and <paramref name="to"/> is still empty.
    /// </summary>
    /// <remarks>
    /// The source keeps its length and goes on as before, but a fork of less than all of it may cost it the positions before its window: a
    /// later <see cref="Rewind"/> of the source may then answer 0 where it could have kept something. Where the runtime cannot bring the
    /// source back, the answer is false and the source is empty: re-read <see cref="Length"/> of both after false.
    /// </remarks>
    bool TryFork(int from, int to, int length);

    /// <summary>
    /// Copies a sequence's state to host memory; <see langword="null"/> when the sequence is empty or the runtime cannot.
    /// </summary>
    SequenceSnapshot? Snapshot(int sequence, SnapshotScope scope);

    /// <summary>
    /// Brings sequence <paramref name="sequence"/> to the state of <paramref name="snapshot"/>. A <see cref="SnapshotScope.Full"/> snapshot
    /// replaces whatever the sequence held. A <see cref="SnapshotScope.SlidingWindow"/> snapshot needs a sequence that still holds the same
    /// first <see cref="SequenceSnapshot.Length"/> positions in its global layers. False = refused (bad checksum, other model or layout, no
    /// room); the sequence is then empty.
    /// </summary>
    bool Restore(int sequence, SequenceSnapshot snapshot);

    /// <summary>Drops everything a sequence holds. Unknown ids are ignored.</summary>
    void Release(int sequence);
}
