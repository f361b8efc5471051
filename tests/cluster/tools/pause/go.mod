module github.com/deepfabric/elasticell-operator/tests/cluster/tools/pause

go 1.26.0
