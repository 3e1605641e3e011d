using System.Diagnostics.CodeAnalysis;

namespace ControlPlane.Platform.Database;

/// <summary>A queue that serves its keys in turn: items of one key keep their order, and a key with many items does not delay the others. Not thread-safe.</summary>
sealed class FairQueue<T>
{
    readonly Dictionary<object, Queue<T>> _items = [];

    // Each key with items is in here once.
    readonly Queue<object> _turns = new();

    public void Enqueue(object key, T item)
    {
        if (!_items.TryGetValue(key, out var ofKey))
        {
            _items[key] = ofKey = new Queue<T>();
            _turns.Enqueue(key);
        }

        ofKey.Enqueue(item);
    }

    public bool TryDequeue([MaybeNullWhen(false)] out T item)
    {
        if (!_turns.TryDequeue(out var key))
        {
            item = default;
            return false;
        }

        var ofKey = _items[key];
        item = ofKey.Dequeue();
        if (ofKey.Count > 0)
        {
            _turns.Enqueue(key);
        }
        else
        {
            _items.Remove(key);
        }

        return true;
    }
}
