namespace Gemma3Server.Engine.Sampling;

/// <summary>Another core for a <see cref="BatchSampler"/>: a work item of the thread pool that is made once and queued again and again.</summary>
/// <remarks>
/// Nobody waits for it: when the pool is busy and it comes late, it finds the rows done, or helps with those of a later step. It is queued
/// once at a time, so its scratch has one user.
/// </remarks>
internal sealed class SamplerWorker(BatchSampler sampler) : IThreadPoolWorkItem
{
    private readonly SamplerScratch _scratch = new();
    private int _queued;

    /// <summary>Queues it, unless it is queued or at work already.</summary>
    public void Wake()
    {
        if (Interlocked.Exchange(ref _queued, 1) == 0) ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    void IThreadPoolWorkItem.Execute()
    {
        sampler.SampleClaimedRows(_scratch);
        Volatile.Write(ref _queued, 0);
    }
}
