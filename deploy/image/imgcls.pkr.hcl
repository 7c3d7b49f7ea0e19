# Builds the machine image of imgcls with Packer. "imgcls ami build" builds the same without it. From the root of a clone:
#
#   npm pack && packer init deploy/image
#   packer build -var package=imgcls-0.1.0.tgz -var version=0.1.0 deploy/image

variable "package" {
  description = "The file from npm pack."
  type        = string
}

variable "version" {
  description = "Version of the package."
  type        = string
}

variable "architecture" {
  description = "x86_64 or arm64. It must match instance_type."
  type        = string
  default     = "x86_64"
}

variable "instance_type" {
  description = "Type of the builder. Models are optimised for its CPU."
  type        = string
  default     = "c7i.large"
}

variable "models" {
  description = "Models to pull into the image."
  type        = list(string)
  default     = []
}

variable "heic" {
  description = "Whether to install the decoder of HEIC, which is covered by patents in some countries."
  type        = bool
  default     = false
}

variable "region" {
  type    = string
  default = "us-east-1"
}

variable "subnet_id" {
  description = "A subnet with access to the package registries. Default: one of the default VPC."
  type        = string
  default     = ""
}

locals {
  name = "imgcls-worker-${var.version}-${var.architecture}-${formatdate("YYYYMMDDhhmmss", timestamp())}"
  # "imgcls ami list" and "imgcls deploy" find the image by these tags.
  tags = {
    "Name"                = local.name
    "imgcls:image"        = "worker"
    "imgcls:version"      = var.version
    "imgcls:architecture" = var.architecture
  }
}

source "amazon-ebs" "worker" {
  ami_name      = local.name
  region        = var.region
  instance_type = var.instance_type
  subnet_id     = var.subnet_id
  ssh_username  = "ec2-user"
  encrypt_boot  = true
  tags          = local.tags
  snapshot_tags = local.tags

  source_ami_filter {
    owners      = ["amazon"]
    most_recent = true
    filters = {
      name                = "al2023-ami-2023.*-kernel-*-${var.architecture}"
      virtualization-type = "hvm"
    }
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
}

build {
  sources = ["source.amazon-ebs.worker"]

  provisioner "file" {
    source      = var.package
    destination = "/tmp/imgcls.tgz"
  }

  provisioner "shell" {
    script          = "${path.root}/provision.sh"
    execute_command = "sudo bash '{{ .Path }}' --package /tmp/imgcls.tgz ${join(" ", formatlist("--model %s", var.models))} ${var.heic ? "--heic" : ""}"
  }
}
